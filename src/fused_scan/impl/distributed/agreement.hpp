// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DISTRIBUTED_AGREEMENT_HPP
#define FUSED_SCAN_IMPL_DISTRIBUTED_AGREEMENT_HPP

// Errors that every rank throws: what the ranks' calls must have in common, and exceptions on one
// of them.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/distributed/communicator.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

namespace fused_scan::impl {

/// A number for a name, the same in every process (FNV-1a).
inline std::int64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return static_cast<std::int64_t>(hash);
}
template <class T>
std::int64_t type_number() {
  return hash_of(typeid(T).name());
}

/// A rank's call in plain numbers.
struct CallRecord {
  std::int64_t wrong = 0;  // the call can't be carried out: the rank has a sentence that says why
  std::int64_t length = 0;
  std::int64_t function = 0;
  std::int64_t exclusive = 0;
  std::int64_t reverse = 0;
  std::int64_t rank = 0;
  std::int64_t axis = 0;
  std::int64_t op = 0;
  std::int64_t elements = 0;
  std::int64_t results = 0;
  std::int64_t layer = 0;                     // a number for everything that a layer is
  std::int64_t states = 0;                    // 1: an initial one is given; 2: a final one is
  std::int64_t extent[Array::max_rank] = {};  // 0 of the axis

  std::string extents() const {
    std::string text;
    for (int d = 0; d < static_cast<int>(rank); ++d) {
      text += (d == 0 ? "" : ", ") + (d == axis ? std::string("*") : std::to_string(extent[d]));
    }
    return "(" + text + ")";
  }
};

/// What is different in `other`, as words for the two; empty where nothing is.
struct Difference {
  std::string here;
  std::string there;
};
inline Difference difference(const CallRecord& call, const CallRecord& other) {
  const auto kind = [](const CallRecord& c) {
    return c.exclusive != 0 ? "an exclusive scan" : "an inclusive scan";
  };
  const auto states = [](const CallRecord& c) {
    return c.states == 0   ? "no state"
           : c.states == 1 ? "an initial state"
           : c.states == 2 ? "a final state"
                           : "two states";
  };
  const auto direction = [](const CallRecord& c) { return c.reverse != 0 ? "reverse" : "forward"; };
  if (call.function != other.function) return {"another function", "this one"};
  if (call.exclusive != other.exclusive) return {kind(call), kind(other)};
  if (call.reverse != other.reverse) return {direction(call), direction(other)};
  if (call.rank != other.rank) {
    return {"a View of rank " + std::to_string(call.rank),
            "one of rank " + std::to_string(other.rank)};
  }
  if (call.axis != other.axis) {
    return {"axis " + std::to_string(call.axis), "axis " + std::to_string(other.axis)};
  }
  if (call.layer != other.layer) return {"a layer in another state", "its own"};
  if (call.op != other.op) return {"another operator", "its own"};
  if (call.elements != other.elements) return {"elements of another type", "its own"};
  if (call.results != other.results) return {"results of another type", "its own"};
  if (call.states != other.states) return {states(call), states(other)};
  if (call.extents() != other.extents()) {
    return {"extents " + call.extents(), other.extents()};
  }
  return {};
}

/// "fused_scan::f: rank 2: what is wrong", from "fused_scan::f: what is wrong".
inline std::string named_by_rank(const std::string& sentence, int rank) {
  const std::size_t colon = sentence.find(": ");
  const std::size_t at = colon == std::string::npos ? 0 : colon + 2;
  return sentence.substr(0, at) + "rank " + std::to_string(rank) + ": " + sentence.substr(at);
}

/// Every rank's call; throws the same on all of them where one is wrong, or differs from rank 0's.
/// `sentence` says what is wrong with the rank's own.
inline std::vector<CallRecord> agreed_calls(const Communicator& comm, const char* function,
                                            const CallRecord& own, const std::string& sentence) {
  std::vector<CallRecord> calls = comm.all_gather(own);
  for (int r = 0; r < comm.size(); ++r) {
    if (calls[static_cast<std::size_t>(r)].wrong == 0) continue;
    throw std::invalid_argument(comm.broadcast(named_by_rank(sentence, r), r));
  }
  for (int r = 1; r < comm.size(); ++r) {
    const Difference found = difference(calls[static_cast<std::size_t>(r)], calls[0]);
    if (found.here.empty()) continue;
    const std::string text = std::string(function) + ": rank " + std::to_string(r) +
                             " calls with " + found.here + ", rank 0 with " + found.there;
    throw std::invalid_argument(comm.broadcast(text, 0));
  }
  return calls;
}

/// Calls describe(record), which checks the rank's call, and returns the lengths of all pieces;
/// throws on every rank where one of the calls is wrong or another than the first.
template <class Describe>
std::vector<std::int64_t> agreed_lengths(const Communicator& comm, const char* function,
                                         CallRecord record, const Describe& describe) {
  std::string sentence;
  try {
    describe(record);
  } catch (const std::exception& error) {
    sentence = error.what();
    record.wrong = 1;
  }
  std::vector<std::int64_t> lengths;
  for (const CallRecord& call : agreed_calls(comm, function, record, sentence)) {
    lengths.push_back(call.length);
  }
  return lengths;
}

/// Carries out a rank's part of a step; where it throws on one of them, every rank throws.
template <class Step>
void all_succeed(const Communicator& comm, const char* function, const Step& step) {
  std::string sentence;
  int failed = comm.size();
  try {
    step();
  } catch (const std::exception& error) {
    sentence =
        std::string(function) + ": rank " + std::to_string(comm.rank()) + ": " + error.what();
    failed = comm.rank();
  }
  const int first = comm.smallest(failed);
  if (first < comm.size()) throw std::runtime_error(comm.broadcast(sentence, first));
}

}  // namespace fused_scan::impl

#endif
