// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as vectors.hpp is, after line_kernels.hpp. Short segments that follow each other, a
// window of them at a time. Where no sum of so many of its elements is rounded, it makes no
// difference in which order they are added: each vector adds up its own. Four doubles in a vector
// are no slower than eight on a processor that has both (Zen 4), and faster for the shortest.

#if defined(FUSED_SCAN_BYTES) && FUSED_SCAN_BYTES == 32

/// Moved up by so many places, to which numbers come that change no sum.
template <int by, int... i>
[[gnu::always_inline]] inline Doubles moved_up(Doubles x, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(broadcast(-0.0), x, (lanes + i - by)...);
}
template <int... i>
[[gnu::always_inline]] inline Doubles last_everywhere(Doubles x, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(x, x, (lanes - 1 + 0 * i)...);
}

struct WindowBuffer {
  alignas(64) float elements[window_length + lanes];
  alignas(64) float results[window_length + lanes];
  int ends[window_segments];
};

/// Bits of which compilers don't see that they are copied: a call for so few takes longer.
[[gnu::always_inline]] inline Words copied(Words bits) {
  asm("" : "+x"(bits));
  return bits;
}

/// The elements in the order of the scan; whether no sum of them is rounded.
inline bool read_window(const Window& window, int count, WindowBuffer& buffer) {
  constexpr int n = 2 * lanes;
  Exponents exponents;
  int i = 0;
  for (; i + n <= count && !window.reverse; i += n) {
    const Words bits = copied(load<Words>(window.x + i));
    exponents.add(bits);
    store(buffer.elements + i, bits);
  }
  store(buffer.elements + count, Floats{});
  for (int k = i; k < count; ++k) {
    buffer.elements[k] = window.x[window.reverse ? count - 1 - k : k];
  }
  exponents.add(buffer.elements + i, count - i);
  return exponents.add_exactly<window_length>();
}
inline void write_window(const Window& window, int count, const WindowBuffer& buffer) {
  constexpr int n = 2 * lanes;
  int i = 0;
  for (; i + n <= count && !window.reverse; i += n) {
    store(window.y + i, copied(load<Words>(buffer.results + i)));
  }
  for (; i < count; ++i) window.y[window.reverse ? count - 1 - i : i] = buffer.results[i];
}

[[gnu::always_inline]] inline Doubles sums_of(const float* x) {
  Doubles sum = widened(load<Floats>(x));
  sum += moved_up<1>(sum, Places());
  sum += moved_up<2>(sum, Places());
  return sum;
}

/// A segment that isn't empty. Beyond it something is written, where the next one's results come
/// later.
[[gnu::always_inline]] inline void scan_segment(const float* x, int length, bool exclusive,
                                                float* y) {
  Doubles sums = sums_of(x);
  store(y, narrowed(exclusive ? moved_up<1>(sums, Places()) : sums));
  if (exclusive) y[0] = 0;
  Doubles before = broadcast(-0.0);
  for (int i = lanes; i < length; i += lanes) {
    before += last_everywhere(sums, Places());
    sums = sums_of(x + i);
    store(y + i, narrowed(before + (exclusive ? moved_up<1>(sums, Places()) : sums)));
  }
}

/// False, and nothing is written, where sums may be rounded.
inline bool scan_segments(const Window& window) {
  const int count = window.ends[window.segments - 1];
  WindowBuffer buffer;
  if (!read_window(window, count, buffer)) return false;
  const int* ends = window.ends;
  if (window.reverse) {
    for (int k = 0; k < window.segments - 1; ++k) {
      buffer.ends[k] = count - ends[window.segments - 2 - k];
    }
    buffer.ends[window.segments - 1] = count;
    ends = buffer.ends;
  }
  for (int k = 0, begin = 0; k < window.segments; ++k) {
    const int end = ends[k];
    scan_segment(buffer.elements + begin, end - begin, window.exclusive, buffer.results + begin);
    begin = end;
  }
  write_window(window, count, buffer);
  return true;
}

#endif
