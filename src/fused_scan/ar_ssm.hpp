// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_AR_SSM_HPP
#define FUSED_SCAN_AR_SSM_HPP

/// \file
/// ArSsm: the adaptive-rank semiseparable layer of a language model, on the scans of this library.
///
///     t     = convolution of x along the sequence with three taps for each channel
///     gates = mode(sigmoid(relu(x W0^T + b0) W2^T + b2)), and 0 from the current maximal rank on
///     u     = (x U^T) gates,  v = (x V^T) gates
///     y     = t + (k v) O^T + b,  k the inclusive sum of u along the sequence
///
/// Bidirectional, y is the mean of the above and of the same with the sum from the other end, whose
/// output is not added to t.

#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <fused_scan/ar_ssm_state.hpp>
#include <fused_scan/concepts.hpp>
#include <fused_scan/layers/ar_ssm/backward.hpp>
#include <fused_scan/layers/ar_ssm/checks.hpp>
#include <fused_scan/layers/ar_ssm/diagnostics.hpp>
#include <fused_scan/layers/ar_ssm/forward.hpp>
#include <fused_scan/layers/ar_ssm/initialization.hpp>
#include <fused_scan/layers/ar_ssm/lines.hpp>
#include <fused_scan/layers/ar_ssm/surroundings.hpp>
#include <fused_scan/layers/ar_ssm/workspace.hpp>
#include <string>
#include <utility>

namespace fused_scan {

/// **Views.** x, y and gradients are (batch, length, d_model), of any layout and strides; x may be
/// complex, of which the real part is taken. No output may overlap an input.
///
/// **Synchronisation.** Work goes to the given instance and nothing waits for it, unless
/// diagnostics are asked for. One layer serves one instance at a time.
///
/// **Memory.** Forward and backward work in one allocation of the layer, which grows where a shape
/// needs more, and is otherwise used again: no call allocates in the second pass with a shape.
/// memory_usage() has its size.
///
/// **What backward reuses.** In training, without checkpointing, forward keeps its activations. The
/// next backward for the same x, shape, direction and offsets takes them, and uses them up: these
/// and parameters must not have changed in between. In any other case backward first recomputes
/// them with the same code: the same bits. With checkpointing both passes take one element of the
/// batch at a time.
///
/// **Reproducibility.** With use_fused_scan, results depend on the data, and not on the number of
/// threads.
///
/// **Packed sequences.** Where a call is given `offsets`, the length of x is divided into sequences
/// of their own, as segmented_scan.hpp describes them: neither sum nor convolution crosses from one
/// to the next, and in evaluation mode the bits of each are those of the layer on it alone.
///
/// **Pieces.** Where forward is given a state, x is the next piece of the sequences, of any length,
/// be it one position: the bits are those of one pass over all of them.
///
/// Both need use_fused_scan. Where Kokkos Kernels does the matrix products, their bits depend on
/// the number of positions of a call, and those of the two above with them.
///
/// **Errors.** std::invalid_argument, before anything runs.
template <class Scalar = float, class Exec = Kokkos::DefaultExecutionSpace>
class ArSsm {
 public:
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                "fused_scan::ArSsm: Scalar must be float or double");

  /// Where the layer's memory is, what its parameters are, and what a pass can tell.
  ///@{
  using MemorySpace = typename Exec::memory_space;
  using Parameters = ArSsmParameters<Scalar, MemorySpace>;
  using Diagnostics = ArSsmDiagnostics<Scalar, MemorySpace>;
  using State = ArSsmState<Scalar, MemorySpace>;
  ///@}

  /// Parameters are initialised from the seed, with the same bits on every backend. The layer
  /// starts in evaluation mode with current_max_rank() = max_rank.
  explicit ArSsm(const ArSsmConfig& config, std::uint64_t seed = 0)
      : m_config(impl::checked_config(config)),
        m_current_max_rank(m_config.max_rank),
        m_noise_seed(seed),
        m_parameters(make("fused_scan::ArSsm::parameters")) {
    impl::initialize(m_parameters, seed);
  }

  /// As given, but for gate_hidden_dim, which is the actual size.
  const ArSsmConfig& config() const { return m_config; }

  /// The layer's own: write to its Views to set them.
  const Parameters& parameters() const { return m_parameters; }
  /// A place for gradients, all zero.
  Parameters make_gradients() const { return make("fused_scan::ArSsm::gradients"); }

  /// The state of a batch of sequences that begin.
  State make_state(std::int64_t batch) const {
    impl::require(batch > 0, "fused_scan::ArSsm::make_state",
                  [&] { return "batch " + std::to_string(batch) + " must be positive"; });
    const auto allocate = [](const char* label) {
      return Kokkos::view_alloc(Kokkos::WithoutInitializing,
                                std::string("fused_scan::ArSsm::state::") + label);
    };
    State state;
    state.sums = decltype(state.sums)(allocate("sums"), impl::held_rows, batch, m_config.max_rank);
    state.last_x = decltype(state.last_x)(allocate("last_x"), batch, impl::convolution_reach,
                                          m_config.d_model);
    return state;
  }

  /// Training or evaluation mode.
  ///@{
  void train() { set(m_training, true); }
  void eval() { set(m_training, false); }
  bool training() const { return m_training; }
  ///@}

  /// Whether passes work on one element of the batch at a time, which saves memory.
  ///@{
  void set_checkpointing(bool on) { set(m_checkpointing, on); }
  bool checkpointing() const { return m_checkpointing; }
  ///@}

  /// What the configuration said, from now on.
  ///@{
  void set_gate_mode(GateMode mode) {
    impl::check_gate_mode("fused_scan::ArSsm::set_gate_mode", mode);
    set(m_config.gate_mode, mode);
  }
  void set_gumbel_temperature(double temperature) {
    impl::check_temperature("fused_scan::ArSsm::set_gumbel_temperature", temperature);
    set(m_config.gumbel_temperature, temperature);
  }
  ///@}

  /// Gates of ranks from here on are 0.
  ///@{
  int current_max_rank() const { return m_current_max_rank; }
  void set_current_max_rank(int rank) {
    impl::require(0 <= rank && rank <= m_config.max_rank, "fused_scan::ArSsm::set_current_max_rank",
                  [&] {
                    return "rank " + std::to_string(rank) + " is out of range [0, " +
                           std::to_string(m_config.max_rank) + "]";
                  });
    set(m_current_max_rank, rank);
  }
  ///@}
  /// The schedule: current_max_rank() grows from min_rank to max_rank over the warm-up.
  void update_max_rank(std::int64_t step, std::int64_t warmup_steps) {
    const std::string function = "fused_scan::ArSsm::update_max_rank";
    impl::require(step >= 0, function,
                  [&] { return "step " + std::to_string(step) + " must not be negative"; });
    impl::require(warmup_steps > 0, function, [&] {
      return "warmup_steps " + std::to_string(warmup_steps) + " must be positive";
    });
    const double progress =
        std::min(1.0, static_cast<double>(step) / static_cast<double>(warmup_steps));
    // Cut off after the sum, as in the original: 1 / 49.0 * 49 is less than 1.
    set_current_max_rank(
        static_cast<int>(m_config.min_rank + progress * (m_config.max_rank - m_config.min_rank)));
  }

  /// Noise in gumbel mode comes from this seed (the constructor's, before), anew for each forward
  /// pass in training; the same sequence on every backend.
  void set_noise_seed(std::uint64_t seed) {
    m_noise = {};
    m_noise_seed = seed;
    m_noise_passes = 0;
    m_kept = {};
  }
  /// Noise comes from this View (batch, length, max_rank) of numbers in [0, 1), until
  /// set_noise_seed(). Backward reads it as well.
  void set_gumbel_uniform(
      const Kokkos::View<const Scalar***, Kokkos::LayoutStride, MemorySpace>& uniform) {
    m_noise = uniform;
    m_kept = {};
  }

  /// y = the layer's output, from the first position on.
  template <KokkosView X, KokkosView Y>
  void forward(const Exec& exec, const X& x, const Y& y) {
    run_forward("fused_scan::ArSsm::forward", exec, x, y, false, nullptr);
  }
  /// The same, and everything that `diagnostics` has a place for. Waits for it.
  template <KokkosView X, KokkosView Y>
  void forward(const Exec& exec, const X& x, const Y& y, Diagnostics& diagnostics) {
    run_forward("fused_scan::ArSsm::forward", exec, x, y, false, &diagnostics);
  }

  /// The same of packed sequences. `offsets`, a View of rank 1 of n + 1 integers, says where the n
  /// sequences begin on the length, in every batch element: from 0 to the length, not falling. On a
  /// GPU they aren't checked, and must stay as they are until `exec` has come by.
  template <KokkosView X, KokkosView Y, KokkosView Offsets>
  void forward(const Exec& exec, const X& x, const Y& y, const Offsets& offsets) {
    const std::string function = "fused_scan::ArSsm::forward";
    impl::check_packed<Exec>(function, m_config, x, y, offsets);
    run_forward(function, exec, x, y, false, nullptr, impl::SegmentedLines<Offsets>{offsets});
  }

  /// The same of the next positions of sequences, from `state` on, which moves on by the length of
  /// x. It needs evaluation mode, and causal_convolution: the other looks at what isn't there yet.
  template <KokkosView X, KokkosView Y>
  void forward(const Exec& exec, const X& x, const Y& y, State& state) {
    const std::string function = "fused_scan::ArSsm::forward";
    impl::check_state(function, m_config, m_training, x, state);
    using Sum = typename State::Sum;
    const std::int64_t batch = x.extent(0);
    run_forward(function, exec, x, y, false, nullptr,
                impl::ContinuedLines<Scalar, Sum>{state.sums.data(),
                                                  batch * m_config.max_rank,
                                                  {.rows_before = state.last_x.data(),
                                                   .d_model = m_config.d_model,
                                                   .first_position = state.position}});
    const auto rows = impl::real_rows<Scalar>(x);
    const std::int64_t kept = std::min<std::int64_t>(rows.length, impl::convolution_reach);
    Kokkos::parallel_for(
        "fused_scan::ArSsm::keep_rows", impl::range_policy(exec, batch * kept * m_config.d_model),
        impl::KeepRows<Scalar>{rows, state.last_x.data(), m_config.d_model, state.position, kept});
    state.position += rows.length;
  }

  /// forward() of sequences that are spread over the ranks of an MPI communicator, of which each
  /// has a piece, in their order; it may be empty. To be called by all of them, with layers of the
  /// same state and parameters; <fused_scan/distributed.hpp> must be included. y has the bits of
  /// one rank, but with Kokkos Kernels. Noise from a seed is that of one rank; a View of noise has
  /// the piece's. Waits for the other ranks; backward() recomputes the activations.
  ///
  /// Throws on every rank where the call is wrong on one.
  template <class Comm, KokkosView X, KokkosView Y>
    requires(!KokkosView<Comm>)
  void forward(const Exec& exec, Comm comm, const X& local_x, const Y& local_y) {
    run_over_ranks("fused_scan::ArSsm::forward", exec, comm, local_x, local_y, false);
  }

  /// y = the mean of both directions' outputs. One sweep over u does for both scans: at each
  /// position the two sums overlap in one element, so that they add up to the line's total and it.
  ///@{
  template <KokkosView X, KokkosView Y>
  void forward_bidirectional(const Exec& exec, const X& x, const Y& y) {
    run_forward("fused_scan::ArSsm::forward_bidirectional", exec, x, y, true, nullptr);
  }
  template <class Comm, KokkosView X, KokkosView Y>
    requires(!KokkosView<Comm>)
  void forward_bidirectional(const Exec& exec, Comm comm, const X& local_x, const Y& local_y) {
    run_over_ranks("fused_scan::ArSsm::forward_bidirectional", exec, comm, local_x, local_y, true);
  }
  template <KokkosView X, KokkosView Y>
  void forward_bidirectional(const Exec& exec, const X& x, const Y& y, Diagnostics& diagnostics) {
    run_forward("fused_scan::ArSsm::forward_bidirectional", exec, x, y, true, &diagnostics);
  }
  ///@}

  /// Gradients of a loss by x and by all parameters, given that by y, of forward() in the layer's
  /// present state. The loss includes l1_weight * gate_l1_loss. `gradients` is overwritten.
  template <KokkosView X, KokkosView GradY, KokkosView GradX>
  void backward(const Exec& exec, const X& x, const GradY& grad_y, const GradX& grad_x,
                const Parameters& gradients, double l1_weight = 0) {
    run_backward("fused_scan::ArSsm::backward", exec, x, grad_y, grad_x, gradients, l1_weight,
                 false);
  }
  /// The same of packed sequences, whose offsets are those of forward(). Means over positions are
  /// over those of all sequences.
  template <KokkosView X, KokkosView GradY, KokkosView GradX, KokkosView Offsets>
  void backward(const Exec& exec, const X& x, const GradY& grad_y, const GradX& grad_x,
                const Parameters& gradients, const Offsets& offsets, double l1_weight = 0) {
    const std::string function = "fused_scan::ArSsm::backward";
    impl::check_packed<Exec>(function, m_config, x, grad_x, offsets);
    run_backward(function, exec, x, grad_y, grad_x, gradients, l1_weight, false,
                 impl::SegmentedLines<Offsets>{offsets});
  }
  /// The same of forward_bidirectional().
  template <KokkosView X, KokkosView GradY, KokkosView GradX>
  void backward_bidirectional(const Exec& exec, const X& x, const GradY& grad_y,
                              const GradX& grad_x, const Parameters& gradients,
                              double l1_weight = 0) {
    run_backward("fused_scan::ArSsm::backward_bidirectional", exec, x, grad_y, grad_x, gradients,
                 l1_weight, true);
  }

  /// Both over ranks, as forward(): gradients of parameters are those of the whole sequences, on
  /// every rank, and the same from run to run for the same cut.
  ///@{
  template <class Comm, KokkosView X, KokkosView GradY, KokkosView GradX>
    requires(!KokkosView<Comm>)
  void backward(const Exec& exec, Comm comm, const X& local_x, const GradY& local_grad_y,
                const GradX& local_grad_x, const Parameters& gradients, double l1_weight = 0) {
    run_backward_over_ranks("fused_scan::ArSsm::backward", exec, comm, local_x, local_grad_y,
                            local_grad_x, gradients, l1_weight, false);
  }
  template <class Comm, KokkosView X, KokkosView GradY, KokkosView GradX>
    requires(!KokkosView<Comm>)
  void backward_bidirectional(const Exec& exec, Comm comm, const X& local_x,
                              const GradY& local_grad_y, const GradX& local_grad_x,
                              const Parameters& gradients, double l1_weight = 0) {
    run_backward_over_ranks("fused_scan::ArSsm::backward_bidirectional", exec, comm, local_x,
                            local_grad_y, local_grad_x, gradients, l1_weight, true);
  }
  ///@}

  /// Bytes that forward and backward (in training), or forward alone (in evaluation) allocate for a
  /// batch of that shape, without diagnostics. It is linear in length; `batch` counts without
  /// checkpointing only.
  std::size_t memory_usage(std::int64_t batch, std::int64_t length) const {
    return memory_usage(batch, length, m_training);
  }
  /// The same where a backward pass follows, whatever the mode, or where none does.
  std::size_t memory_usage(std::int64_t batch, std::int64_t length, bool backward) const {
    const bool all = backward || (m_training && !m_checkpointing);
    const Workspace plan = workspace(batch, length, all, all, false, 0, nullptr);
    return static_cast<std::size_t>(plan.size) * sizeof(Scalar);
  }
  /// Bytes of one attention matrix for each element of such a batch: what a transformer would need.
  static std::size_t attention_memory_usage(std::int64_t batch, std::int64_t length) {
    return static_cast<std::size_t>(batch * length * length) * sizeof(Scalar);
  }

 private:
  using Workspace = impl::ArSsmWorkspace<Scalar, Exec>;
  using Pass = impl::ArSsmPass<Scalar, Exec>;

  /// What the workspace holds the activations of.
  struct Kept {
    impl::Rows<const Scalar> x{};
    std::int64_t batch = 0;
    bool bidirectional = false;
    const void* offsets = nullptr;  // of packed sequences
    bool operator==(const Kept&) const = default;
  };

  template <class T>
  void set(T& member, T value) {
    if (member == value) return;
    member = value;
    m_kept = {};
  }

  Parameters make(const char* label) const {
    return Parameters(label, m_config.d_model, m_config.max_rank, m_config.gate_hidden_dim);
  }

  impl::ArSsmSizes sizes() const {
    return {m_config.d_model, m_config.max_rank, m_config.gate_hidden_dim};
  }

  /// Elements of the batch that are worked on at a time.
  std::int64_t batches_at_a_time(std::int64_t batch) const { return m_checkpointing ? 1 : batch; }

  Workspace workspace(std::int64_t batch, std::int64_t length, bool keep, bool backward,
                      bool diagnostics, std::int64_t packed_length, Scalar* base) const {
    const std::int64_t batches = batches_at_a_time(batch);
    return Workspace(sizes(), batches * length, batches, keep, backward, diagnostics, packed_length,
                     m_parameters.all.size(), base);
  }

  /// The workspace, after making it larger if it is too small.
  Workspace acquire(const Exec& exec, std::int64_t batch, std::int64_t length, bool keep,
                    bool backward, bool diagnostics, std::int64_t packed_length) {
    const Workspace plan =
        workspace(batch, length, keep, backward, diagnostics, packed_length, nullptr);
    if (static_cast<std::int64_t>(m_memory.size()) < plan.size) {
      m_kept = {};
      m_memory = {};  // first, so that there are never two
      m_memory = Kokkos::View<Scalar*, MemorySpace>(
          Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, "fused_scan::ArSsm::workspace"),
          plan.size);
    }
    return workspace(batch, length, keep, backward, diagnostics, packed_length, m_memory.data());
  }

  Pass make_pass(const Exec& exec, std::int64_t first_batch, std::int64_t batches,
                 std::int64_t length, bool bidirectional, const impl::Surroundings<Scalar>& around,
                 const Workspace& workspace) const {
    impl::GumbelUniform<Scalar> uniform;
    uniform.seed = impl::random_bits(m_noise_seed, m_noise_passes);
    if (m_noise.data()) {
      uniform.data = m_noise.data();
      for (int d = 0; d < 3; ++d) uniform.strides[d] = m_noise.stride(d);
    } else if (around.whole_length > 0) {
      uniform.first_position = around.first_position;
      uniform.whole_length = around.whole_length;
    }
    const impl::GateFunction<Scalar> gates{m_config.gate_mode,
                                           static_cast<Scalar>(m_config.gumbel_temperature),
                                           m_training,
                                           uniform,
                                           length,
                                           m_config.max_rank,
                                           m_current_max_rank};
    return {exec,
            sizes(),
            first_batch,
            batches,
            length,
            m_parameters,
            gates,
            bidirectional,
            m_config.use_fused_scan,
            m_config.causal_convolution ? 2 : 1,
            around.from_batch(first_batch),
            around.from_batch(first_batch),
            workspace};
  }

  template <class X>
  impl::Rows<const Scalar> input_rows(const std::string& function, const X& x,
                                      bool may_be_empty = false) {
    impl::check_sequence<Scalar, Exec>(function, "x", x, m_config.d_model, may_be_empty);
    if (impl::is_complex_v<typename X::non_const_value_type> && !std::exchange(m_warned, true)) {
      impl::warn(function + ": x is complex, its imaginary part is ignored");
    }
    return impl::real_rows<Scalar>(x);
  }

  void check_noise(const std::string& function, std::int64_t batch, std::int64_t length) const {
    if (m_config.gate_mode != GateMode::gumbel || !m_training || !m_noise.data()) return;
    impl::check_extents(function, "gumbel_uniform", m_noise, {batch, length, m_config.max_rank});
  }

  template <class X, class Y, class SequenceLines = impl::WholeLines>
  void run_forward(const std::string& function, const Exec& exec, const X& x, const Y& y,
                   bool bidirectional, Diagnostics* diagnostics, const SequenceLines& lines = {}) {
    const auto in = input_rows(function, x, SequenceLines::may_be_empty);
    const std::int64_t batch = x.extent(0);
    const std::int64_t length = x.extent(1);
    const auto out =
        impl::output_rows<Scalar, Exec>(function, "y", y, {batch, length, m_config.d_model});
    impl::check_apart(function, "x", x, "y", y);
    check_noise(function, batch, length);
    const Kokkos::Profiling::ScopedRegion region(function +
                                                 (m_config.use_fused_scan ? "[fused]" : "[plain]"));

    const bool keep = m_training && !m_checkpointing;
    if (m_training && m_config.gate_mode == GateMode::gumbel) ++m_noise_passes;
    if (diagnostics)
      impl::resize_diagnostics(exec, *diagnostics, sizes(), batch, length, bidirectional);
    const Workspace workspace = acquire(exec, batch, length, keep || diagnostics, keep,
                                        diagnostics != nullptr, SequenceLines::packed ? length : 0);
    m_kept = {};
    const auto around = lines.surroundings(exec, length, workspace.positions_before);
    const std::int64_t step = batches_at_a_time(batch);
    for (std::int64_t b = 0; b < batch; b += step) {
      const Pass pass = make_pass(exec, b, step, length, bidirectional, around, workspace);
      impl::make_activations(pass, in.from_batch(b), lines);
      impl::make_output(pass, in.from_batch(b), out.from_batch(b));
      if (diagnostics) impl::fill_diagnostics(pass, in.from_batch(b), *diagnostics);
    }
    if (keep) m_kept = {in, batch, bidirectional, lines.key()};
    if (diagnostics) {
      diagnostics->input_was_complex = impl::is_complex_v<typename X::non_const_value_type>;
      diagnostics->used_fused_scan = m_config.use_fused_scan;
      diagnostics->bidirectional = bidirectional;
      impl::summarize_diagnostics(exec, workspace, *diagnostics, m_config.l1_regularization,
                                  m_current_max_rank);
    }
  }

  template <class Comm, class X, class Y>
  void run_over_ranks(const char* function, const Exec& exec, Comm comm, const X& x, const Y& y,
                      bool bidirectional) {
    using OverRanks = impl::OverRanks<Comm>;
    const std::int64_t batch = x.extent(0), length = x.extent(1), d_model = x.extent(2);
    const auto lengths = OverRanks::template agreed_lengths<Scalar>(
        comm, function, state_as_text(), batch, length, d_model, [&] {
          input_rows(function, x, true);
          impl::output_rows<Scalar, Exec>(function, "y", y, {batch, length, d_model});
          impl::check_apart(function, "x", x, "y", y);
          check_noise(function, batch, length);
          acquire(exec, batch, length, m_training && !m_checkpointing,
                  m_training && !m_checkpointing, false, 0);
        });
    const typename OverRanks::template SequenceLines<Scalar, Exec> lines(
        exec, comm, function, impl::real_rows<Scalar>(x), batch, d_model, lengths);
    run_forward(function, exec, x, y, bidirectional, nullptr, lines);
  }

  template <class Comm, class X, class GradY, class GradX>
  void run_backward_over_ranks(const char* function, const Exec& exec, Comm comm, const X& x,
                               const GradY& grad_y, const GradX& grad_x,
                               const Parameters& gradients, double l1_weight, bool bidirectional) {
    using OverRanks = impl::OverRanks<Comm>;
    const std::int64_t batch = x.extent(0), length = x.extent(1), d_model = x.extent(2);
    const auto lengths = OverRanks::template agreed_lengths<Scalar>(
        comm, function, state_as_text() + " " + std::to_string(l1_weight), batch, length, d_model,
        [&] {
          input_rows(function, x, true);
          impl::gradient_rows<Scalar, Exec>(function, "grad_y", grad_y, {batch, length, d_model});
          impl::output_rows<Scalar, Exec>(function, "grad_x", grad_x, {batch, length, d_model});
          impl::check_apart(function, "x", x, "grad_x", grad_x);
          impl::check_apart(function, "grad_y", grad_y, "grad_x", grad_x);
          impl::check_gradients(function, gradients, m_parameters);
          check_noise(function, batch, length);
          acquire(exec, batch, length, true, true, false, 0);
        });
    typename OverRanks::template SequenceLines<Scalar, Exec> lines(
        exec, comm, function, impl::real_rows<Scalar>(x), batch, d_model, lengths);
    lines.add_gradient(exec, impl::rows_of(grad_y));
    run_backward(function, exec, x, grad_y, grad_x, gradients, l1_weight, bidirectional, lines);
  }

  /// What results depend on beside the parameters.
  std::string state_as_text() const {
    std::string text = std::to_string(m_config.gumbel_temperature);
    for (const int number : {m_config.max_rank, m_current_max_rank, m_config.gate_hidden_dim,
                             static_cast<int>(m_config.gate_mode), m_training ? 1 : 0,
                             m_checkpointing ? 1 : 0, m_config.causal_convolution ? 1 : 0}) {
      text += " " + std::to_string(number);
    }
    return text + " " + std::to_string(m_noise_passes) + " " + std::to_string(m_noise_seed);
  }

  template <class X, class GradY, class GradX, class SequenceLines = impl::WholeLines>
  void run_backward(const std::string& function, const Exec& exec, const X& x, const GradY& grad_y,
                    const GradX& grad_x, const Parameters& gradients, double l1_weight,
                    bool bidirectional, const SequenceLines& lines = {}) {
    const auto in = input_rows(function, x, SequenceLines::may_be_empty);
    const std::int64_t batch = x.extent(0);
    const std::int64_t length = x.extent(1);
    const auto g = impl::gradient_rows<Scalar, Exec>(function, "grad_y", grad_y,
                                                     {batch, length, m_config.d_model});
    const auto out = impl::output_rows<Scalar, Exec>(function, "grad_x", grad_x,
                                                     {batch, length, m_config.d_model});
    impl::check_apart(function, "x", x, "grad_x", grad_x);
    impl::check_apart(function, "grad_y", grad_y, "grad_x", grad_x);
    impl::check_gradients(function, gradients, m_parameters);
    check_noise(function, batch, length);
    const Kokkos::Profiling::ScopedRegion region(function +
                                                 (m_config.use_fused_scan ? "[fused]" : "[plain]"));

    const Workspace workspace =
        acquire(exec, batch, length, true, true, false, SequenceLines::packed ? length : 0);
    const bool kept = std::exchange(m_kept, Kept()) == Kept{in, batch, bidirectional, lines.key()};
    const auto around = lines.surroundings(exec, length, workspace.positions_before);
    const std::int64_t count = m_parameters.all.size();
    const std::int64_t groups = impl::sum_groups<Exec>;
    Kokkos::deep_copy(exec,
                      Kokkos::View<Scalar*, MemorySpace, Kokkos::MemoryUnmanaged>(
                          workspace.gradient_sums, groups * count),
                      Scalar(0));
    const Scalar l1_slope = static_cast<Scalar>(
        l1_weight * m_config.l1_regularization /
        (static_cast<double>(batch) *
         static_cast<double>(around.whole_length > 0 ? around.whole_length : length) *
         m_config.max_rank));
    const std::int64_t step = batches_at_a_time(batch);
    for (std::int64_t b = 0; b < batch; b += step) {
      Pass pass = make_pass(exec, b, step, length, bidirectional, around, workspace);
      if constexpr (requires { lines.surroundings_of_gradient(); }) {
        pass.around_gradient = lines.surroundings_of_gradient().from_batch(b);
      }
      if (!kept) impl::make_activations(pass, in.from_batch(b), lines);
      impl::run_backward(pass, in.from_batch(b), g.from_batch(b), out.from_batch(b), lines,
                         l1_slope);
    }
    Kokkos::parallel_for("fused_scan::ArSsm::combine_sums", impl::range_policy(exec, count),
                         impl::CombineSums<Scalar>{workspace.gradient_sums, count,
                                                   static_cast<int>(groups), gradients.all.data()});
    if constexpr (requires { lines.sum_over_ranks(exec, gradients.all.data(), count); }) {
      lines.sum_over_ranks(exec, gradients.all.data(), count);
    }
  }

  ArSsmConfig m_config;
  int m_current_max_rank;
  bool m_training = false;
  bool m_checkpointing = false;
  bool m_warned = false;
  std::uint64_t m_noise_seed;
  std::uint64_t m_noise_passes = 0;
  Kokkos::View<const Scalar***, Kokkos::LayoutStride, MemorySpace> m_noise;
  Parameters m_parameters;
  Kokkos::View<Scalar*, MemorySpace> m_memory;
  Kept m_kept;
};

}  // namespace fused_scan

#endif
