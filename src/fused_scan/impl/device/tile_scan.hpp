// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_TILE_SCAN_HPP
#define FUSED_SCAN_IMPL_DEVICE_TILE_SCAN_HPP

// The kernel on a GPU. A team takes one tile: it copies it to scratch memory, sums up its chunks,
// finds the prefix before each, scans them where they lie, and copies the results back. Elements
// are read once and written once.
//
// They wait in scratch memory rather than in registers, so that a multiprocessor holds more teams
// and always has something to do: while one waits for the memory or for other teams' nodes, others
// add. But columns whose elements come from functors, or from two arrays, wait in registers: then
// what a team does besides adding is less (see HeldRun).

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/device/exchange.hpp>
#include <fused_scan/impl/device/held_run.hpp>
#include <fused_scan/impl/device/movement.hpp>
#include <fused_scan/impl/device/tile.hpp>
#include <fused_scan/impl/device/unrolled.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>

namespace fused_scan::impl {

template <class Exec, class Scan, bool runs_are_held = false>
struct TileScan {
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;
  using Load = typename Scan::Load;
  using Loaded = typename HeldBy<Load, Element>::type;
  using Beside = typename HeldBy<Load, Element>::beside;
  using Stored = typename HeldBy<typename Scan::Store, Result>::type;
  using State = TileState<Value>;

  /// A staging element: an element's place holds its result later.
  static constexpr std::size_t slot_size =
      std::max({sizeof(Loaded), sizeof(Beside), sizeof(Stored)});
  struct alignas(std::max({alignof(Loaded), alignof(Beside), alignof(Stored)})) Slot {
    std::byte bytes[slot_size];
  };
  static constexpr int pack = 16 % sizeof(Slot) == 0 ? 16 / int{sizeof(Slot)} : 1;

  static constexpr int threads = team_threads;
  static constexpr int value_size = std::max(sizeof(Value), slot_size);
  static constexpr int teams =
      teams_of(sizeof(Value), slot_size, reads_two_arrays<Load>, runs_are_held);
  using Policy = Kokkos::TeamPolicy<Exec, Kokkos::LaunchBounds<threads, teams>>;
  using Member = typename Policy::member_type;

  Scan scan;
  DevicePlan plan;
  State state;  // of the lines that several tiles share

  int nodes;  // in scratch memory
  static constexpr int scratch_alignment = std::max<int>(16, alignof(Value));

  KOKKOS_FUNCTION void operator()(const Member& member) const {
    typename State::DynamicTile id{0, static_cast<std::uint32_t>(member.league_rank())};
    if (plan.line_tiles > 1) {
      Kokkos::single(
          Kokkos::PerTeam(member),
          [&](typename State::DynamicTile& mine) {
            mine = state.take_tile(static_cast<std::uint32_t>(member.league_size()));
          },
          id);
    }
    // Neighbouring groups lie side by side in memory.
    const auto groups = static_cast<std::uint32_t>(plan.groups);
    if (!holds_runs && plan.tiles_ahead > 0) {
      const std::uint32_t later = id.id + static_cast<std::uint32_t>(plan.tiles_ahead);
      if (later < static_cast<std::uint32_t>(member.league_size())) {
        const std::uint32_t number = quotient(later, plan.per_group);
        const Tile tile(plan, scan, later - number * groups, number);
        const auto prefetch = [&]<class Access>(const Access& access, Movement movement) {
          using Mover = TileMover<Access, typename HeldBy<Access, Element>::type, Slot>;
          Mover(access, tile, member.team_rank(), member.team_size()).prefetch(movement);
        };
        if constexpr (reads_two_arrays<Load>) {
          prefetch(scan.load.b, plan.load);
          prefetch(scan.load.a, plan.load_beside);
        } else {
          prefetch(scan.load, plan.load);
        }
      }
    }
    const std::uint32_t number = quotient(id.id, plan.per_group);
    Team<TileScan>(*this, member, scratch_of(member, plan), id.call, id.id - number * groups,
                   number)
        .run();
  }

  KOKKOS_FUNCTION static std::byte* scratch_of(const Member& member, const DevicePlan& plan) {
    return static_cast<std::byte*>(
        member.team_scratch(0).get_shmem_aligned(plan.scratch_bytes, scratch_alignment));
  }

  /// Whether lines begin anywhere in memory, which only a tile knows.
  static constexpr bool of_parts = false;
  /// Whether elements wait in registers rather than in scratch memory.
  static constexpr bool holds_runs = runs_are_held;

  /// A line's part in the exchange between its tiles.
  KOKKOS_FORCEINLINE_FUNCTION LineExchange<Op> exchange_of(typename State::CallNumber call,
                                                           std::uint32_t group, int line,
                                                           std::uint32_t number) const {
    return {scan.op,
            state,
            call,
            std::int64_t{group} * plan.columns + line,
            plan.groups * plan.columns,
            number,
            plan.line_tiles};
  }

  /// One thread's part in a tile, of a kernel that has all that this one has.
  template <class Kernel>
  class Team {
   public:
    KOKKOS_FUNCTION Team(const Kernel& kernel, const Member& member, std::byte* scratch,
                         typename State::CallNumber call, std::uint32_t group, std::uint32_t number)
        : m_kernel(kernel),
          m_member(member),
          m_call(call),
          m_group(group),
          m_number(number),
          m_tile(kernel.plan, kernel.scan, group, number),
          m_runs(static_cast<int>(static_cast<unsigned>(m_tile.rows + kernel.plan.run - 1) >>
                                  kernel.plan.run_shift)),
          m_by_line(member.team_rank(), member.team_size(), m_tile.lines) {
      const DevicePlan& plan = kernel.plan;
      m_staging = {scratch, 0, plan.pad, plan.pad_shift};
      m_nodes = reinterpret_cast<Value*>(m_staging.memory + plan.arrays * plan.staging_bytes);
      m_prefixes = m_nodes + kernel.nodes;
      m_staging.shift = shift();
    }

    KOKKOS_FUNCTION void run() {
      if constexpr (Kernel::holds_runs) return run_in_registers();
      load();
      if constexpr (Scan::ends_in_prefix) return sum_lines();
      if (m_kernel.plan.short_lines) {
        scan_short_lines();
        m_member.team_barrier();
        return store();
      }
      if (has_prefixes()) {
        const bool shared = m_kernel.plan.line_tiles > 1;
        if (!shared) keep_initial_states();
        sum_runs();
        sum_nodes();
        if (shared) exchange();
      }
      scan_runs();
      m_member.team_barrier();
      store();
    }

   private:
    /// A thread has one run. Those that have none go along to the barriers.
    KOKKOS_FUNCTION void run_in_registers() {
      const auto& scan = m_kernel.scan;
      const int number = m_by_line.high, line = m_by_line.low;
      const int begin = number * m_kernel.plan.run;
      const int left = number < m_runs ? m_tile.rows - begin : 0;
      using Held = HeldRun<std::remove_cvref_t<decltype(scan)>>;
      Held held(scan, m_tile.line_of(line), m_tile.first_step + begin,
                left < Held::length ? left : Held::length);
      if (has_prefixes()) {
        const bool shared = m_kernel.plan.line_tiles > 1;
        if (!shared) keep_initial_states();
        if (held.is_whole()) node(number, line) = held.node();
        m_member.team_barrier();
        sum_nodes();
        if (shared) exchange();
      }
      if (left <= 0) return;
      const Value prefix = prefix_of(number, line);
      const Value last =
          scan.exclusive ? held.template scan<true>(prefix) : held.template scan<false>(prefix);
      if constexpr (Scan::Final::given) {
        if (left <= Held::length && m_tile.first_step + m_tile.rows == scan.length) {
          final(line, last);
        }
      }
    }

    /// Whether a line has several runs, whose nodes and prefixes wait in scratch memory.
    KOKKOS_FUNCTION bool has_prefixes() const { return m_kernel.plan.line_tiles > 1 || m_runs > 1; }
    KOKKOS_FUNCTION int thread() const { return m_member.team_rank(); }
    KOKKOS_FUNCTION int threads() const { return m_member.team_size(); }

    template <class Access, class T>
    KOKKOS_FUNCTION TileMover<Access, T, Slot> mover(const Access& access) const {
      return {access, m_tile, thread(), threads()};
    }
    /// Of parts whose chunks are read 16 bytes at a time, chunks are aligned: those of a reverse
    /// scan are counted from the last element.
    KOKKOS_FUNCTION int shift() const {
      const DevicePlan& plan = m_kernel.plan;
      const auto& scan = m_kernel.scan;
      if constexpr (Kernel::of_parts) {
        if (plan.vector) return scan.reverse ? -m_tile.rows & (pack - 1) : 0;
      }
      if constexpr (reads_two_arrays<Load>) {
        if (plan.load == Movement::linear_packs) return shift_of(scan.load.b);
        if (plan.load_beside == Movement::linear_packs) return shift_of(scan.load.a);
      } else {
        if (plan.load == Movement::linear_packs) return shift_of(scan.load);
      }
      if (plan.store == Movement::linear_packs) return shift_of(scan.store);
      return 0;
    }
    template <class Access>
    KOKKOS_FUNCTION int shift_of(const Access& access) const {
      if constexpr (Access::is_memory) {
        return mover<Access, typename Access::value_type>(access).misalignment();
      } else {
        return 0;
      }
    }
    /// As planned, but element by element where the tile lies in memory otherwise aligned than in
    /// scratch memory.
    template <class Access>
    KOKKOS_FUNCTION Movement movement(Movement planned, const Access& access) const {
      if constexpr (Kernel::of_parts) {
        if (planned == Movement::linear_packs && shift_of(access) != m_staging.shift) {
          return Movement::linear;
        }
      }
      return planned;
    }

    // --- between memory and scratch memory ---

    KOKKOS_FUNCTION void load() const {
      const Load& load = m_kernel.scan.load;
      if constexpr (Load::is_memory) {
        load_array(load, m_kernel.plan.load, m_staging);
      } else if constexpr (reads_two_arrays<Load>) {
        load_array(load.b, m_kernel.plan.load, m_staging);
        load_array(load.a, m_kernel.plan.load_beside, beside());
      } else {
        mover<Load, Loaded>(load).move_through_registers(
            m_kernel.plan.load,
            [](const auto& slab, std::int64_t i, std::int64_t j) {
              return static_cast<Loaded>(slab.read(i, j));
            },
            [&](int at, const Loaded& element) {
              *m_staging.template at<Loaded, Slot>(at) = element;
            });
      }
      await_copies();
      m_member.team_barrier();
    }
    template <class Access>
    KOKKOS_FORCEINLINE_FUNCTION void load_array(const Access& access, Movement planned,
                                                const Staging& staging) const {
      using T = typename Access::value_type;
      mover<Access, T>(access).move(
          movement(planned, access), staging.shift,
          [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
            copy_to_scratch<T>(staging.template at<T, Slot>(at), slab.at(i, j));
          },
          [&](int at, const T* address) {
            copy_to_scratch(staging.template at<Pack, Slot>(at),
                            reinterpret_cast<const Pack*>(address));
          });
    }
    /// Where the elements of a second array lie.
    KOKKOS_FORCEINLINE_FUNCTION Staging beside() const {
      Staging staging = m_staging;
      staging.memory += m_kernel.plan.staging_bytes;
      return staging;
    }

    KOKKOS_FUNCTION void store() const {
      if constexpr (Scan::reduces) return;
      const auto move = mover<typename Scan::Store, Stored>(m_kernel.scan.store);
      if constexpr (requires { m_kernel.scan.store.slab(0).place(0, 0); }) {
        move.move_through_registers(
            m_kernel.plan.store,
            [](const auto& slab, std::int64_t i, std::int64_t j) { return slab.place(i, j); },
            [&](int at, const auto& place) {
              place.write(*m_staging.template at<Stored, Slot>(at));
            });
        return;
      }
      move.move(
          movement(m_kernel.plan.store, m_kernel.scan.store), m_staging.shift,
          [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
            const Stored& result = *m_staging.template at<Stored, Slot>(at);
            if constexpr (Scan::Store::is_memory) {
              *in_memory(slab.at(i, j)) = result;
            } else {
              slab.write(i, j, result);
            }
          },
          [&](int at, Stored* address) {
            *in_memory(reinterpret_cast<Pack*>(address)) = *m_staging.template at<Pack, Slot>(at);
          });
    }

    // --- runs ---

    /// A few successive chunks of a line of the tile: its elements lie `step` apart from `first`
    /// on.
    struct Run {
      int line;
      int number;
      int first;
      int step;
      int count;
    };
    KOKKOS_FORCEINLINE_FUNCTION Run run_of(int number, int line) const {
      const int s = m_tile.slab_of(line);
      const int j = line - s * m_tile.columns;
      const int begin = number * m_kernel.plan.run;
      const int left = m_tile.rows - begin;
      const bool reverse = m_kernel.scan.reverse;
      return {line, number, m_tile.index(s, reverse ? m_tile.rows - 1 - begin : begin, j),
              reverse ? -m_tile.pitch : m_tile.pitch,
              left < m_kernel.plan.run ? left : m_kernel.plan.run};
    }
    /// Calls f(run) for this thread's part of the tile's runs: neighbouring threads take
    /// neighbouring lines.
    template <class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_runs(const F& f) const {
      for (TwoDigits at = m_by_line; at.high < m_runs; at.advance()) f(run_of(at.high, at.low));
    }

    // Elements of a run are worked on in groups, in loops that aren't unrolled: more elements at a
    // time would take registers from the teams, and longer code leaves the instruction cache.

    /// Where the elements of a group lie in scratch memory. Beyond the run's end its last element
    /// again: a place that can be read, without a branch.
    template <int n>
    using Places = Slot* [n];
    template <int n>
    KOKKOS_FORCEINLINE_FUNCTION void find(const Run& run, int begin, Places<n>& places) const {
      const int last = run.count - 1;
      const auto find_at = [&](const auto& place) {
        unrolled<n>([&](int r) {
          const int i = n == 2 && r == 1 && begin + r > last ? last : begin + r;
          places[r] = reinterpret_cast<Slot*>(m_staging.memory) + place(run.first + i * run.step);
        });
      };
      if (m_staging.pad == 0) {
        find_at([&](int index) { return m_staging.shift + index; });
      } else {
        find_at([&](int index) { return m_staging.place(index); });
      }
    }
    template <class T>
    struct alignas(16) PackOf {
      T of[pack];
    };
    template <int n>
    KOKKOS_FORCEINLINE_FUNCTION bool moves_packs() const {
      return pack > 1 && n % pack == 0 && sizeof(Loaded) == sizeof(Slot) &&
             sizeof(Beside) == sizeof(Slot) && m_kernel.plan.vector;
    }
    /// Of a group, along the axis and in the order of memory: a reverse scan's first is its last.
    template <int n>
    KOKKOS_FORCEINLINE_FUNCTION int first_in_memory(const Run& run, int begin) const {
      return run.step > 0 ? run.first + begin : run.first - begin - (n - 1);
    }

    template <int n>
    KOKKOS_FORCEINLINE_FUNCTION void read(const Run& run, int begin, Places<n>& places,
                                          Element (&elements)[n]) const {
      if (moves_packs<n>()) {
        const int first = first_in_memory<n>(run, begin);
        Element in_memory[n];
        unrolled<n / pack>([&](int p) {
          const auto* const place = m_staging.template at<PackOf<Loaded>, Slot>(first + p * pack);
          const PackOf<Loaded> packed = *place;
          const PackOf<Beside> beside = *beside_of<PackOf<Beside>>(place);
          unrolled<pack>(
              [&](int k) { in_memory[p * pack + k] = element_of(packed.of[k], beside.of[k]); });
        });
        unrolled<n>(
            [&](int r) { elements[r] = run.step > 0 ? in_memory[r] : in_memory[n - 1 - r]; });
        if constexpr (sizeof(Stored) != sizeof(Slot)) find<n>(run, begin, places);
        return;
      }
      find<n>(run, begin, places);
      unrolled<n>(
          [&](int r) { elements[r] = element_at(reinterpret_cast<const Loaded*>(places[r])); });
    }
    template <int n>
    KOKKOS_FORCEINLINE_FUNCTION void write(const Run& run, int begin, const Places<n>& places,
                                           const Stored (&results)[n]) const {
      if constexpr (sizeof(Stored) == sizeof(Slot)) {
        if (moves_packs<n>()) {
          const int first = first_in_memory<n>(run, begin);
          unrolled<n / pack>([&](int p) {
            PackOf<Stored> packed;
            unrolled<pack>([&](int k) {
              const int r = p * pack + k;
              packed.of[k] = run.step > 0 ? results[r] : results[n - 1 - r];
            });
            *m_staging.template at<PackOf<Stored>, Slot>(first + p * pack) = packed;
          });
          return;
        }
      }
      unrolled<n>([&](int r) {
        if (n > 2 || begin + r < run.count) *reinterpret_cast<Stored*>(places[r]) = results[r];
      });
    }

    /// One of them alone.
    KOKKOS_FORCEINLINE_FUNCTION int index_of(const Run& run, int i) const {
      return run.first + i * run.step;
    }
    KOKKOS_FORCEINLINE_FUNCTION Element element_of(const Run& run, int i) const {
      return element_at(m_staging.template at<Loaded, Slot>(index_of(run, i)));
    }

    KOKKOS_FORCEINLINE_FUNCTION Element element_at(const Loaded* place) const {
      return element_of(*place, *beside_of<Beside>(place));
    }
    /// What lies at the same place for the second array; where there is one only, for this one.
    template <class T, class First>
    KOKKOS_FORCEINLINE_FUNCTION const T* beside_of(const First* place) const {
      const int apart = reads_two_arrays<Load> ? m_kernel.plan.staging_bytes : 0;
      return reinterpret_cast<const T*>(reinterpret_cast<const std::byte*>(place) + apart);
    }
    KOKKOS_FORCEINLINE_FUNCTION static Element element_of(const Loaded& loaded,
                                                          [[maybe_unused]] const Beside& beside) {
      if constexpr (reads_two_arrays<Load>) {
        return Load::element(beside, loaded);
      } else {
        return static_cast<Element>(loaded);
      }
    }

    /// Eight would take more registers than large values leave, and more code than stays in the
    /// caches where sums are tried exactly first (0.75 of a copy rather than 0.82 on an H100).
    static constexpr int group = Op::tries_exactly || sizeof(Value) + sizeof(Element) > 16 ? 4 : 8;
    /// Calls work(begin, size) for the groups of a chunk, and those of 2 where fewer are left.
    template <class Work>
    KOKKOS_FORCEINLINE_FUNCTION void for_groups(int begin, int end, const Work& work) const {
      looped((end - begin) / group,
             [&](int g) { work(begin + group * g, std::integral_constant<int, group>()); });
      const int rest = begin + (end - begin) / group * group;
      looped((end - rest + 1) / 2,
             [&](int g) { work(rest + 2 * g, std::integral_constant<int, 2>()); });
    }

    KOKKOS_FORCEINLINE_FUNCTION Value& node(int number, int line) const {
      return m_nodes[number * m_tile.lines + line];
    }

    /// Calls after(sum) after each group.
    template <class Accumulate, class After>
    KOKKOS_FORCEINLINE_FUNCTION Value sum_of_chunk(const Run& run, int begin,
                                                   const Accumulate& accumulate,
                                                   const After& after) const {
      const Op& op = m_kernel.scan.op;
      Value sum = op.neutral();
      looped(chunk_length / group, [&](int g) {
        Element elements[group];
        Places<group> places = {};
        read<group>(run, begin + group * g, places, elements);
        sum = g == 0 ? op.lift(elements[0]) : accumulate(sum, elements[0]);
        unrolled<group - 1>([&](int r) { sum = accumulate(sum, elements[r + 1]); });
        after(sum);
      });
      return sum;
    }
    /// Of a whole chunk, the next of this thread's.
    KOKKOS_FORCEINLINE_FUNCTION Value sum_of_chunk(const Run& run, int begin) {
      const Op& op = m_kernel.scan.op;
      const auto nothing = [](const Value&) {};
      if constexpr (Op::tries_exactly) {
        std::uint64_t lost = 0;
        const Value sum = sum_of_chunk(
            run, begin,
            [&](const Value& value, const Element& element) {
              return op.accumulate_exactly(value, element, lost);
            },
            nothing);
        m_exact_chunks.push(lost == 0);
        if (lost == 0) return sum;
      }
      if constexpr (Op::has_range) {
        bool left = false;
        const Value sum = sum_of_chunk(
            run, begin,
            [&](const Value& value, const Element& element) {
              return op.accumulate_in_range(value, element, left);
            },
            [&](const Value& value) { left |= !op.is_in_range(value); });
        if (!left) return sum;
        Value careful = op.lift(element_of(run, begin));
        looped(chunk_length - 1,
               [&](int i) { careful = op.accumulate(careful, element_of(run, begin + 1 + i)); });
        return careful;
      } else {
        return sum_of_chunk(
            run, begin,
            [&](const Value& value, const Element& element) {
              return op.accumulate(value, element);
            },
            nothing);
      }
    }

    /// The node of each whole run, of 1, 2 or 4 chunks; an unfinished one is part of none.
    KOKKOS_FUNCTION void sum_runs() {
      for_runs([&](const Run& run) {
        if (run.count == m_kernel.plan.run) node(run.number, run.line) = sum_of_run(run);
      });
      m_member.team_barrier();
    }
    KOKKOS_FORCEINLINE_FUNCTION Value sum_of_run(const Run& run) {
      const Op& op = m_kernel.scan.op;
      Value sum = op.neutral(), even = sum, pair = sum;
      looped(run.count / chunk_length, [&](int k) {
        sum = sum_of_chunk(run, k * chunk_length);
        if ((k & 1) == 0) {
          even = sum;
          return;
        }
        sum = op.combine(even, sum);
        if (k == 1) {
          pair = sum;
        } else {
          sum = op.combine(pair, sum);
        }
      });
      return sum;
    }

    /// Each run gets the largest node that ends with it: eight at a time by one thread, which
    /// leaves the others' instructions to other teams; of large values, which take many, two.
    KOKKOS_FUNCTION void sum_nodes() const {
      constexpr int levels = sizeof(Value) > 16 ? 1 : 3, several = 1 << levels;
      const Op& op = m_kernel.scan.op;
      const int whole = m_tile.rows >> m_kernel.plan.run_shift;
      for (int level = 0; whole >> level > 1; level += levels) {
        const int nodes = whole >> level;
        for (TwoDigits at = m_by_line; at.high * several < nodes; at.advance()) {
          const auto last = [&](int n) { return ((at.high * several + n + 1) << level) - 1; };
          const int count =
              nodes - at.high * several < several ? nodes - at.high * several : several;
          looped(count, [&](int n) {
            if ((n & 1) == 0) return;
            Value sum = op.combine(node(last(n - 1), at.low), node(last(n), at.low));
            if (several > 2 && (n & 3) == 3) sum = op.combine(node(last(n - 2), at.low), sum);
            if (several > 4 && n == 7) sum = op.combine(node(last(3), at.low), sum);
            node(last(n), at.low) = sum;
          });
        }
        m_member.team_barrier();
      }
    }

    // --- lines ---

    /// Lines of 2^k chunks, k > 0, of which only the node over all of them is wanted.
    KOKKOS_FUNCTION void sum_lines() {
      if (!has_prefixes()) {
        for_runs([&](const Run& run) { final(run.line, sum_of_run(run)); });
        return;
      }
      sum_runs();
      sum_nodes();
      for (int line = thread(); line < m_tile.lines; line += threads()) {
        const Value& total = node(m_runs - 1, line);
        if (m_kernel.plan.line_tiles == 1) {
          final(line, total);
        } else {
          exchange_of(line).sum_of_line(total, [&](const Value& sum) { final(line, sum); });
        }
      }
    }

    KOKKOS_FUNCTION Value initial(int line) const {
      const auto [outer, column] = m_tile.line_of(line);
      return m_kernel.scan.initial(outer, column);
    }
    KOKKOS_FUNCTION void final(int line, const Value& value) const {
      const auto [outer, column] = m_tile.line_of(line);
      m_kernel.scan.final(outer, column, value);
    }

    /// What several threads start from is read before one of them may write the final state, which
    /// may be the same array.
    KOKKOS_FUNCTION void keep_initial_states() const {
      for (int line = thread(); line < m_tile.lines; line += threads()) {
        m_prefixes[line] = initial(line);
      }
    }

    /// The prefix before the tile of each of its lines.
    KOKKOS_FUNCTION void exchange() const {
      const bool whole = m_tile.rows == m_kernel.plan.rows;
      const auto total = [&](int line) {
        return whole ? node(m_runs - 1, line) : m_kernel.scan.op.identity();
      };
      using Exchange = LineExchange<Op>;
      const auto first = [&](int line) { return [this, line] { return initial(line); }; };
      if constexpr (!Exchange::shares_work) {
        for (int line = thread(); line < m_tile.lines; line += threads()) {
          m_prefixes[line] = exchange_of(line).prefix(total(line), first(line));
        }
        m_member.team_barrier();
        return;
      }
      const auto awaited = [&](int line) {
        return [this, line](int i) -> Value& { return m_prefixes[(i + 1) * m_tile.lines + line]; };
      };
      for (int line = thread(); line < m_tile.lines; line += threads()) {
        exchange_of(line).begin(total(line), first(line), m_prefixes[line]);
      }
      // Threads of a warp do the same job.
      for (TwoDigits at(thread(), threads(), (m_tile.lines + 31) & -32); at.high < Exchange::jobs;
           at.advance()) {
        const int line = at.low;
        if (line >= m_tile.lines) continue;
        exchange_of(line).work(at.high, total(line), awaited(line), m_prefixes[line]);
      }
      m_member.team_barrier();
      for (int line = thread(); line < m_tile.lines; line += threads()) {
        exchange_of(line).end(awaited(line), m_prefixes[line]);
      }
      m_member.team_barrier();
    }
    KOKKOS_FORCEINLINE_FUNCTION LineExchange<Op> exchange_of(int line) const {
      return m_kernel.exchange_of(m_call, m_group, line, m_number);
    }

    KOKKOS_FORCEINLINE_FUNCTION Value prefix_of(int number, int line) const {
      const Value before = has_prefixes() ? m_prefixes[line] : initial(line);
      return prefix_before(m_kernel.scan.op, before, number,
                           [&](int last) { return node(last, line); });
    }

    KOKKOS_FUNCTION void scan_runs() {
      if (m_kernel.scan.exclusive) {
        for_runs([&](const Run& run) { scan_run<true>(run); });
      } else {
        for_runs([&](const Run& run) { scan_run<false>(run); });
      }
    }

    /// Lines of at most a chunk: a thread scans one after the other, element by element.
    KOKKOS_FUNCTION void scan_short_lines() const {
      const Scan& scan = m_kernel.scan;
      const Op& op = scan.op;
      const bool reverse = scan.reverse, exclusive = scan.exclusive;
      const int step = reverse ? -m_tile.pitch : m_tile.pitch;
      for (TwoDigits at(thread(), threads(), m_tile.columns); at.high < m_tile.slabs;
           at.advance()) {
        int index = m_tile.index(at.high, reverse ? m_tile.rows - 1 : 0, at.low);
        const int line = at.high * m_tile.columns + at.low;
        const Value prefix = initial(line);
        Value sum = prefix, state = prefix;
        for (int i = 0; i < m_tile.rows; ++i) {
          const Element element = element_at(m_staging.template at<Loaded, Slot>(index));
          const Value before = i == 0 ? scan.first_output(prefix) : state;
          if constexpr (Op::combines_chunks) {
            sum = i == 0 ? op.lift(element) : op.accumulate(sum, element);
            state = Scan::Initial::given ? op.combine(prefix, sum) : sum;
          } else {
            state = op.accumulate(state, element);
          }
          *m_staging.template at<Stored, Slot>(index) =
              static_cast<Stored>(op.lower(exclusive ? before : state));
          index += step;
        }
        if constexpr (Scan::Final::given) final(line, state);
      }
    }

    /// What a chunk leaves behind: its node, and what the line ends in if it ends with it.
    struct Scanned {
      Value node;
      Value last;
    };

    template <bool exclusive>
    KOKKOS_FORCEINLINE_FUNCTION void scan_run(const Run& run) {
      const Scan& scan = m_kernel.scan;
      const Op& op = scan.op;
      const Value prefix = prefix_of(run.number, run.line);
      Value before = prefix, before_pair = prefix, even = prefix, last = prefix;
      looped((run.count + chunk_length - 1) / chunk_length, [&](int k) {
        if (k == 2) before_pair = op.append(prefix, even);
        before = (k & 1) == 0 ? before_pair : op.append(before_pair, even);
        const Scanned chunk = scan_chunk<exclusive>(run, k * chunk_length, before);
        // After the second chunk: the node of the two.
        even = k == 1 ? op.combine(even, chunk.node) : chunk.node;
        last = chunk.last;
      });
      if constexpr (Scan::Final::given) {
        const std::int64_t end = m_tile.first_step + run.number * m_kernel.plan.run + run.count;
        if (end == scan.length) final(run.line, last);
      }
    }

    template <bool exclusive>
    KOKKOS_FORCEINLINE_FUNCTION Scanned scan_chunk(const Run& run, int begin, const Value& start) {
      const Scan& scan = m_kernel.scan;
      const Op& op = scan.op;
      const Value prefix = op.as_state(start);
      const int end = begin + chunk_length < run.count ? begin + chunk_length : run.count;
      const bool starts_line = run.number == 0 && begin == 0 && m_number == 0;
      const bool has_next = end < run.count;  // a chunk that starts from this one's node
      Value sum = prefix;                     // of the chunk so far
      Value state = prefix;                   // with the prefix
      bool exact = Op::tries_exactly && run.count >= m_kernel.plan.run && m_exact_chunks.pop();
      // What may leave the range, one by one: code that is long, and rarely runs.
      const auto scan_with_care = [&](int first, int count) {
        looped(count, [&](int r) {
          const bool starts = r == 0 && first == begin;
          const Element element = element_of(run, first + r);
          const Value before = starts && starts_line ? scan.first_output(prefix) : state;
          sum = starts ? op.lift(element) : op.accumulate(sum, element);
          state = op.advance(state, element);
          *m_staging.template at<Stored, Slot>(index_of(run, first + r)) =
              static_cast<Stored>(op.lower(exclusive ? before : state));
        });
      };
      for_groups(begin, end, [&](int first, auto size) {
        constexpr int n = decltype(size)::value;
        Element elements[n];
        Places<n> places = {};
        read<n>(run, first, places, elements);
        Stored results[n] = {};
        // next(r) adds the r-th element to the state, which lower() makes a result of.
        const auto scan_group = [&](const auto& next, const auto& lower) {
          unrolled<n>([&](int r) {
            const bool starts = r == 0 && first == begin;
            if (exclusive) {
              results[r] = static_cast<Stored>(
                  lower(starts && starts_line ? scan.first_output(prefix) : state));
            }
            if (n == 2 && r == 1 && first + r == end) return;  // beyond the end
            next(r, starts);
            if (!exclusive) results[r] = static_cast<Stored>(lower(state));
          });
        };
        const auto lower = [&](const Value& value) { return op.lower(value); };
        if constexpr (Op::tries_exactly) {
          if (exact) {
            const Value before = state;
            std::uint64_t lost = 0;
            scan_group(
                [&](int r, bool) { state = op.accumulate_exactly(state, elements[r], lost); },
                lower);
            if (lost == 0) return write<n>(run, first, places, results);
            exact = false;
            state = before;
            sum = op.exact_difference(before, prefix);
          }
        }
        // Where chunks aren't combined, the node is a sum of its own, if one is needed.
        const auto sum_group = [&](const auto& add) {
          if (!has_next) return;
          unrolled<n>([&](int r) {
            if (n == 2 && r == 1 && first + r == end) return;
            sum = r == 0 && first == begin ? op.lift(elements[r]) : add(sum, elements[r]);
          });
        };
        if constexpr (Op::has_range) {
          const Value sum_before = sum, state_before = state;
          bool left = false;
          scan_group([&](int r, bool) { state = op.advance_in_range(state, elements[r], left); },
                     [&](const Value& value) { return op.lower_in_range(value); });
          sum_group([&](const Value& value, const Element& element) {
            return op.accumulate_in_range(value, element, left);
          });
          if (!left && (!has_next || op.is_in_range(sum)) && op.is_in_range(state)) {
            return write<n>(run, first, places, results);
          }
          sum = sum_before;
          state = state_before;
          scan_with_care(first, end - first < n ? end - first : n);
          return;
        }
        scan_group(
            [&](int r, bool starts) {
              if constexpr (Op::combines_chunks) {
                sum = starts ? op.lift(elements[r]) : op.accumulate(sum, elements[r]);
                state = op.combine(prefix, sum);
              } else {
                state = op.advance(state, elements[r]);
              }
            },
            lower);
        if constexpr (!Op::combines_chunks) {
          sum_group([&](const Value& value, const Element& element) {
            return op.accumulate(value, element);
          });
        }
        write<n>(run, first, places, results);
      });
      if constexpr (Op::tries_exactly) {
        if (exact) sum = op.exact_difference(state, prefix);
      }
      return {sum, state};
    }

    const Kernel& m_kernel;
    const Member& m_member;
    typename State::CallNumber m_call;
    std::uint32_t m_group;
    std::uint32_t m_number;
    Tile m_tile;
    int m_runs;           // of a line in the tile
    TwoDigits m_by_line;  // this thread's runs: number, line
    Staging m_staging;
    Value* m_nodes;
    Value* m_prefixes;
    BitQueue m_exact_chunks;  // that sum_runs() summed, for scan_runs()
  };
};

}  // namespace fused_scan::impl

#endif
