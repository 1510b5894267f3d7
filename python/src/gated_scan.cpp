// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Between the layer's projections: from x U^T, x V^T and the gates to u, v, the sums k of u, and
// k v; and back. On a GPU that is one sweep, which reads and writes each array once. Numbers are
// rounded where an array of them is stored, so that the bits are those of one step after another.

#include <fused_scan/operators.hpp>
#include <stdexcept>
#include <utility>

#include "layer_elements.hpp"
#include "run_request.hpp"

namespace fused_scan::python {

namespace {

template <class T>
KOKKOS_FORCEINLINE_FUNCTION Arithmetic<T> number(const T& element) {
  return static_cast<Arithmetic<T>>(element);
}
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T product(const T& a, const T& b) {
  return static_cast<T>(number(a) * number(b));
}

/// The operator of a sum whose results are of type T.
template <class T>
auto sum_of() {
  if constexpr (sizeof(T) == 2) {
    return impl::BoundOperator<impl::SumMonoid<float>, float, T>({});
  } else {
    return impl::bind_operator<T, T, false>(CompensatedSum());
  }
}

/// The places of one outer index in some arrays.
template <class T, int count>
struct Places {
  typename impl::MemoryAccess<T>::Slab of[count];
  KOKKOS_FORCEINLINE_FUNCTION T& operator()(int array, std::int64_t i, std::int64_t j) const {
    return *of[array].at(i, j);
  }
};

template <class T, int count>
class Arrays {
 public:
  Arrays(const LayerRequest& request, const impl::Lines& lines)
      : Arrays(request, lines, std::make_integer_sequence<int, count>()) {}

  KOKKOS_FORCEINLINE_FUNCTION Places<T, count> slab(std::int64_t outer) const {
    Places<T, count> places;
    for (int a = 0; a < count; ++a) places.of[a] = m_access[a].slab(outer);
    return places;
  }

 private:
  template <int... a>
  Arrays(const LayerRequest& request, const impl::Lines& lines, std::integer_sequence<int, a...>)
      : m_access{{data(request.arrays[a]), lines, a}...} {}
  static T* data(const Operand& operand) {
    return static_cast<T*>(const_cast<void*>(operand.array.data));
  }

  impl::MemoryAccess<T> m_access[count];
};

/// What both sweeps have: Step::load(places, i, j) makes an element, Step::store(places, i, j, sum)
/// writes.
template <class T, class Step>
struct StepAccess {
  static constexpr bool is_memory = false;
  struct Slab {
    Places<T, Step::count> places;
    KOKKOS_FORCEINLINE_FUNCTION Arithmetic<T> read(std::int64_t i, std::int64_t j) const {
      return number(Step::load(places, i, j));
    }
    KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t i, std::int64_t j, const T& sum) const {
      Step::store(places, i, j, sum);
    }
  };
  Arrays<T, Step::count> arrays;
  KOKKOS_FORCEINLINE_FUNCTION Slab slab(std::int64_t outer) const { return {arrays.slab(outer)}; }
};

/// Neighbours in an array, which overlaps no other.
template <class T>
using Row = T* KOKKOS_RESTRICT;

template <class T>
struct Forward {
  enum { xu, xv, gates, u, v, k, kv, count };
  using At = Places<T, count>;

  KOKKOS_FORCEINLINE_FUNCTION static T load(const At& at, std::int64_t i, std::int64_t j) {
    return product(at(xu, i, j), at(gates, i, j));
  }
  KOKKOS_FORCEINLINE_FUNCTION static void store(const At& at, std::int64_t i, std::int64_t j,
                                                const T& sum) {
    const T gate = at(gates, i, j);
    const T value = product(at(xv, i, j), gate);
    at(u, i, j) = product(at(xu, i, j), gate);
    at(v, i, j) = value;
    at(k, i, j) = sum;
    at(kv, i, j) = product(sum, value);
  }

  // The same on a row, before and after the scan of one array into another. (Of a second enum nvcc
  // would forget the values.)
  static constexpr int scanned = u, result = k;
  static void before(T* const* rows, std::int64_t neighbours) {
    const Row<T> of_xu = rows[xu], of_xv = rows[xv], of_gates = rows[gates], to_u = rows[u],
                 to_v = rows[v];
    for (std::int64_t j = 0; j < neighbours; ++j) {
      to_u[j] = product(of_xu[j], of_gates[j]);
      to_v[j] = product(of_xv[j], of_gates[j]);
    }
  }
  static void after(T* const* rows, std::int64_t neighbours) {
    const Row<T> of_k = rows[k], of_v = rows[v], to_kv = rows[kv];
    for (std::int64_t j = 0; j < neighbours; ++j) to_kv[j] = product(of_k[j], of_v[j]);
  }
};

template <class T>
struct Backward {
  enum { xu, xv, gates, k, grad_kv, grad_xu, grad_xv, grad_gates, count };
  using At = Places<T, count>;

  KOKKOS_FORCEINLINE_FUNCTION static T grad_k(const T& grad_kv, const T& xv, const T& gate) {
    return product(grad_kv, product(xv, gate));
  }
  KOKKOS_FORCEINLINE_FUNCTION static T grad_gate(const T& grad_u, const T& xu, const T& grad_v,
                                                 const T& xv) {
    return static_cast<T>(number(grad_u) * number(xu) + number(grad_v) * number(xv));
  }

  KOKKOS_FORCEINLINE_FUNCTION static T load(const At& at, std::int64_t i, std::int64_t j) {
    return grad_k(at(grad_kv, i, j), at(xv, i, j), at(gates, i, j));
  }
  KOKKOS_FORCEINLINE_FUNCTION static void store(const At& at, std::int64_t i, std::int64_t j,
                                                const T& grad_u) {
    const T gate = at(gates, i, j);
    const T grad_v = product(at(grad_kv, i, j), at(k, i, j));
    at(grad_gates, i, j) = grad_gate(grad_u, at(xu, i, j), grad_v, at(xv, i, j));
    at(grad_xu, i, j) = product(grad_u, gate);
    at(grad_xv, i, j) = product(grad_v, gate);
  }

  static constexpr int scanned = grad_xu, result = grad_xu;
  static void before(T* const* rows, std::int64_t neighbours) {
    const Row<T> of_grad_kv = rows[grad_kv], of_xv = rows[xv], of_gates = rows[gates],
                 to_grad_k = rows[scanned];
    for (std::int64_t j = 0; j < neighbours; ++j) {
      to_grad_k[j] = grad_k(of_grad_kv[j], of_xv[j], of_gates[j]);
    }
  }
  static void after(T* const* rows, std::int64_t neighbours) {
    const Row<T> of_xu = rows[xu], of_xv = rows[xv], of_gates = rows[gates], of_k = rows[k],
                 of_grad_kv = rows[grad_kv], grad_u = rows[grad_xu], to_grad_xv = rows[grad_xv],
                 to_grad_gates = rows[grad_gates];
    for (std::int64_t j = 0; j < neighbours; ++j) {
      const T grad_v = product(of_grad_kv[j], of_k[j]);
      to_grad_gates[j] = grad_gate(grad_u[j], of_xu[j], grad_v, of_xv[j]);
      grad_u[j] = product(grad_u[j], of_gates[j]);
      to_grad_xv[j] = product(grad_v, of_gates[j]);
    }
  }
};

template <class T, class Step>
void sweep(const LayerRequest& request, const Arrays<T, Step::count>& arrays,
           const impl::Lines& lines, bool reverse) {
  const impl::Call call{request.function.c_str(), reverse, 0, false};
  const auto op = python::sum_of<T>();
  using Op = std::remove_const_t<decltype(op)>;
  const StepAccess<T, Step> access{arrays};
  const auto scan = impl::line_scan(op, access, access, impl::NoInitialState<Op>{op},
                                    impl::NoFinalState(), lines, call);
  const impl::ScanShape shape = impl::shape_of_arrays(scan, lines, Step::xu, Step::result, call);
  python::on_instance(request.place, shape.lines() * shape.length,
                      [&](const auto& exec) { impl::run_scan(exec, scan, shape, call.function); });
}

/// work(rows, neighbours) for all rows.
template <class T, int count>
struct ForRows {
  static constexpr std::int64_t together = 32;
  Arrays<T, count> arrays;
  std::int64_t length, inner;
  void (*work)(T* const* rows, std::int64_t neighbours);

  std::int64_t pieces() const { return impl::ceil_div(length, together); }
  void operator()(std::int64_t index) const {
    const std::int64_t outer = index / pieces();
    const std::int64_t begin = (index - outer * pieces()) * together;
    const Places<T, count> places = arrays.slab(outer);
    T* rows[count];
    for (std::int64_t i = begin; i < length && i < begin + together; ++i) {
      for (int a = 0; a < count; ++a) rows[a] = places.of[a].at(i, 0);
      work(rows, inner);
    }
  }
};

/// On a host, which has kernels for vectors for sums of what is in memory: they make up for more
/// than the two sweeps around them take.
template <class T, class Step>
void one_after_another(const LayerRequest& request, const Arrays<T, Step::count>& arrays,
                       const impl::Lines& lines, bool reverse) {
  ForRows<T, Step::count> rows{arrays, lines.length, lines.inner, nullptr};
  const auto for_rows = [&](void (*work)(T* const*, std::int64_t)) {
    rows.work = work;
    const std::int64_t tasks = lines.outer * rows.pieces();
    python::on_instance(
        request.place, lines.outer * lines.length * lines.inner, [&](const auto& exec) {
          using Exec = std::decay_t<decltype(exec)>;
          if constexpr (std::is_same_v<typename Exec::memory_space, Kokkos::HostSpace>) {
            using Policy = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
            Kokkos::parallel_for(request.function, Policy(exec, 0, tasks), rows);
            exec.fence(request.function);
          }
        });
  };
  for_rows(Step::before);
  Request scan;
  scan.function = request.function;
  scan.place = request.place;
  scan.x = request.arrays[Step::scanned];
  scan.out = request.arrays[Step::result];
  scan.x.label();
  scan.out.label();
  scan.axis = 1;
  scan.reverse = reverse;
  compensated_sum(scan);
  for_rows(Step::after);
}

template <class T, template <class> class StepOf>
void run_step(const LayerRequest& request, bool reverse) {
  using Step = StepOf<T>;
  const impl::Array* all[Step::count];
  for (int a = 0; a < Step::count; ++a) all[a] = &request.arrays[a].array;
  if (all[0]->empty()) return;
  const impl::Lines lines = impl::lines_along(all, Step::count, 1);
  const Arrays<T, Step::count> arrays(request, lines);
  bool in_rows = !request.place.on_gpu;
  for (int a = 0; a < Step::count; ++a) in_rows = in_rows && lines.of[a].column == 1;
  if (in_rows) {
    one_after_another<T, Step>(request, arrays, lines, reverse);
  } else {
    sweep<T, Step>(request, arrays, lines, reverse);
  }
}

}  // namespace

void gated_scan(const LayerRequest& request) {
  with_element_type(request, [&]<class T>(T) { run_step<T, Forward>(request, request.reverse); });
}

void gated_scan_gradients(const LayerRequest& request) {
  with_element_type(request, [&]<class T>(T) { run_step<T, Backward>(request, !request.reverse); });
}

}  // namespace fused_scan::python
