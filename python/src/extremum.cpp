// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <limits>

#include "run_request.hpp"

namespace fused_scan::python {

namespace {

/// The largest or smallest number so far, with the index of the last one that is; a NaN stays, with
/// the index of the latest.
template <class Number>
struct IndexedExtremum {
  using value_type = Indexed<Number>;
  bool largest;
  Number nothing;  // what an exclusive scan begins with

  KOKKOS_FUNCTION value_type identity() const { return {nothing, -1}; }
  KOKKOS_FUNCTION value_type neutral() const { return {nothing, none}; }
  KOKKOS_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    if (b.index == none) return a;
    if (a.index == none || b.value != b.value) return b;
    if (a.value != a.value) return a;
    return (largest ? b.value >= a.value : b.value <= a.value) ? b : a;
  }
  KOKKOS_FUNCTION value_type from_state(const Number& value) const { return {value, -1}; }

 private:
  static constexpr std::int64_t none = -2;
};

/// The number below (above) every other of a type.
template <class Number>
Number lowest(ElementType type, bool largest) {
  if constexpr (std::is_floating_point_v<Number>) {
    const Number infinity = std::numeric_limits<Number>::infinity();
    return largest ? -infinity : infinity;
  } else {
    const auto of = [&]<class T>(T) {
      using Limits = std::numeric_limits<T>;
      return static_cast<Number>(largest ? Limits::min() : Limits::max());
    };
    switch (type) {
      case ElementType::boolean:
        return largest ? 0 : 1;
      case ElementType::int8:
        return of(std::int8_t{});
      case ElementType::int16:
        return of(std::int16_t{});
      case ElementType::int32:
        return of(std::int32_t{});
      case ElementType::uint8:
        return of(std::uint8_t{});
      case ElementType::uint16:
        return of(std::uint16_t{});
      case ElementType::uint32:
        return of(std::uint32_t{});
      case ElementType::uint64:
        return of(std::uint64_t{});
      default:
        return of(std::int64_t{});
    }
  }
}

template <class Number>
void scan_indexed(const Request& request, bool largest) {
  using Monoid = IndexedExtremum<Number>;
  const Monoid monoid{largest, lowest<Number>(request.out.type, largest)};
  scan_elements<Number>(
      request, impl::BoundOperator<Monoid, Indexed<Number>, void>(monoid),
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        const std::int64_t last = arrays.x.extent[arrays.axis] - 1;
        return IndexedLoad<Number>{{arrays.x.data, request.x.type, bytes, RequestLines::of_x},
                                   arrays.turned_axis ? last : 0,
                                   arrays.turned_axis ? -1 : 1};
      },
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return IndexedStore<Number>{
            {arrays.out.data, request.out.type, bytes, RequestLines::of_out},
            {arrays.second.data, request.second->type, bytes, RequestLines::of_second}};
      });
}

/// The indices are a second output.
void check_indices(const Request& request) {
  const char* const function = request.function.c_str();
  const Operand& indices = *request.second;
  impl::check_no_self_overlap(function, indices.array);
  impl::check_no_overlap(function, request.x.array, indices.array, false);
  impl::check_no_overlap(function, request.out.array, indices.array, false);
  const int axis = impl::checked_axis(function, request.x.array, request.axis);
  const int bits = static_cast<int>(8 * indices.array.element_size) - is_signed(indices.type);
  const std::int64_t last = request.x.array.extent[axis] - 1;
  const bool is_index = is_integer(indices.type) && indices.type != ElementType::boolean;
  impl::require(is_index && (bits >= 63 || last >> bits <= 0), function, [&] {
    return "the type of 'indices' doesn't hold positions up to " + std::to_string(last);
  });
}

}  // namespace

void extremum(const Request& request, bool largest) {
  check_indices(request);
  if (!is_integer(request.x.type)) return scan_indexed<double>(request, largest);
  if (request.x.type == ElementType::uint64) return scan_indexed<std::uint64_t>(request, largest);
  scan_indexed<std::int64_t>(request, largest);
}

}  // namespace fused_scan::python
