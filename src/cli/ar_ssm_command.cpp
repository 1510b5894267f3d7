// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <Kokkos_Core.hpp>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fused_scan/ar_ssm.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "commands.hpp"
#include "hdf5_file.hpp"
#include "model_file.hpp"

namespace fused_scan::cli {

namespace {

using Exec = Kokkos::DefaultExecutionSpace;

struct Arguments {
  std::string model;
  std::string out;
  bool backward = false;
  bool diagnostics = false;
};

struct Measurement {
  double forward_seconds = 0;
  double backward_seconds = 0;
  double worked_in_bytes = 0;
};

template <class View, class T>
void fill(const View& view, const std::vector<T>& elements) {
  using Flat = Kokkos::View<T*, typename View::memory_space, Kokkos::MemoryUnmanaged>;
  using HostFlat = Kokkos::View<const T*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>;
  Kokkos::deep_copy(Flat(view.data(), view.size()), HostFlat(elements.data(), elements.size()));
}

/// A View without gaps, as a data set of its shape.
template <class View>
void write_view(OutputFile& file, const std::string& name, const View& view) {
  using T = typename View::non_const_value_type;
  using Flat = Kokkos::View<const T*, typename View::memory_space, Kokkos::MemoryUnmanaged>;
  Extents extents;
  for (std::size_t d = 0; d < View::rank; ++d) extents.push_back(view.extent(d));
  const auto host =
      Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), Flat(view.data(), view.size()));
  file.create_dataset(name, extents, native_type(T())).write(native_type(T()), host.data());
}

template <class T>
void write_number(OutputFile& file, const std::string& name, T number) {
  file.create_dataset(name, {}, native_type(T())).write(native_type(T()), &number);
}

/// As h5py does it: an enumeration of FALSE and TRUE.
void write_bool(OutputFile& file, const std::string& name, bool value) {
  const Handle type(H5Tenum_create(H5T_STD_I8LE));
  for (const signed char member : {0, 1}) {
    H5Tenum_insert(type.id(), member ? "TRUE" : "FALSE", &member);
  }
  const signed char number = value;
  file.create_dataset(name, {}, type.id()).write(type.id(), &number);
}

template <class T>
void write_diagnostics(OutputFile& file, const typename ArSsm<T, Exec>::Diagnostics& diagnostics) {
  const std::string group = "/diagnostics/";
  write_bool(file, group + "input_was_complex", diagnostics.input_was_complex);
  write_view(file, group + "t_component", diagnostics.t_component);
  write_view(file, group + "gates", diagnostics.gates);
  write_number(file, group + "effective_rank", diagnostics.effective_rank);
  write_view(file, group + "u_gated", diagnostics.u_gated);
  write_view(file, group + "v_gated", diagnostics.v_gated);
  write_bool(file, group + "used_fused_scan", diagnostics.used_fused_scan);
  write_view(file, group + "k_cumsum", diagnostics.k_cumsum);
  write_view(file, group + "uv_component", diagnostics.uv_component);
  write_number(file, group + "gate_l1_loss", diagnostics.gate_l1_loss);
  if (diagnostics.bidirectional) {
    write_view(file, group + "k_cumsum_reverse", diagnostics.k_cumsum_reverse);
    write_view(file, group + "uv_component_reverse", diagnostics.uv_component_reverse);
    write_bool(file, group + "bidirectional", true);
  }
  write_number(file, group + "condition_number", diagnostics.condition_number);
  write_bool(file, group + "is_singular", diagnostics.is_singular);
  write_bool(file, group + "stability_warning", diagnostics.stability_warning);
}

template <class T>
class Run {
 public:
  Run(const ModelFile& model, OutputFile& out) : m_model(model), m_out(out), m_layer(model.config) {
    m_layer.parameters().for_each([&](const std::string& name, const auto& view) {
      fill(view, model.read<T>("/parameters/" + name));
    });
    m_layer.set_current_max_rank(model.current_max_rank);
    m_layer.set_checkpointing(model.checkpointing);
    if (model.training) m_layer.train();
    if (model.has_gumbel_uniform()) {
      m_layer.set_gumbel_uniform(sequence("/gumbel_uniform", model.config.max_rank));
    }
  }

  Measurement operator()(bool with_backward, bool with_diagnostics) {
    const Sequence x = sequence("/x", m_model.config.d_model);
    const Sequence y("y", x.layout());
    Measurement measured;
    // The first pass makes room, the second one is timed; in training they are the same pass.
    forward(x, y);
    measured.forward_seconds = seconds([&] { forward(x, y); });
    write_view(m_out, "/y", y);
    if (with_backward) measured.backward_seconds = backward(x);
    measured.worked_in_bytes =
        static_cast<double>(m_layer.memory_usage(x.extent(0), x.extent(1), with_backward));
    if (with_diagnostics) {
      restart_noise();
      typename ArSsm<T, Exec>::Diagnostics diagnostics;
      diagnostics.check_stability = true;
      if (m_model.bidirectional) {
        m_layer.forward_bidirectional(m_exec, x, y, diagnostics);
      } else {
        m_layer.forward(m_exec, x, y, diagnostics);
      }
      write_diagnostics<T>(m_out, diagnostics);
    }
    return measured;
  }

 private:
  using Sequence = Kokkos::View<T***, Kokkos::LayoutRight, typename Exec::memory_space>;

  Sequence sequence(const std::string& name, std::int64_t columns) const {
    const Sequence view(name, m_model.batch(), m_model.length(), columns);
    fill(view, m_model.read<T>(name));
    return view;
  }

  /// Every pass of a run has the same noise.
  void restart_noise() {
    if (!m_model.has_gumbel_uniform()) m_layer.set_noise_seed(0);
  }

  void forward(const Sequence& x, const Sequence& y) {
    restart_noise();
    if (m_model.bidirectional) {
      m_layer.forward_bidirectional(m_exec, x, y);
    } else {
      m_layer.forward(m_exec, x, y);
    }
  }

  double backward(const Sequence& x) {
    const Sequence grad_y = sequence("/grad_y", m_model.config.d_model);
    const Sequence grad_x("grad_x", x.layout());
    const auto gradients = m_layer.make_gradients();
    const double time = seconds([&] {
      if (m_model.bidirectional) {
        m_layer.backward_bidirectional(m_exec, x, grad_y, grad_x, gradients, m_model.l1_weight);
      } else {
        m_layer.backward(m_exec, x, grad_y, grad_x, gradients, m_model.l1_weight);
      }
    });
    write_view(m_out, "/gradients/x", grad_x);
    gradients.for_each([&](const std::string& name, const auto& view) {
      write_view(m_out, "/gradients/" + name, view);
    });
    return time;
  }

  template <class Work>
  double seconds(const Work& work) {
    m_exec.fence();
    const Kokkos::Timer timer;
    work();
    m_exec.fence();
    return timer.seconds();
  }

  const ModelFile& m_model;
  OutputFile& m_out;
  Exec m_exec;
  ArSsm<T, Exec> m_layer;
};

void print_summary(const Arguments& arguments, const ModelFile& model,
                   const Measurement& measured) {
  constexpr std::array modes{"soft", "ste", "gumbel"};
  const ArSsmConfig& config = model.config;
  const double elements =
      static_cast<double>(model.batch()) * static_cast<double>(model.length()) * config.d_model;
  const double bytes = 2 * elements * (model.double_precision() ? 8 : 4);
  std::printf("%s: x %llu x %llu x %d %s, ranks %d of %d, gates of %d hidden units\n",
              arguments.model.c_str(), static_cast<unsigned long long>(model.batch()),
              static_cast<unsigned long long>(model.length()), config.d_model,
              model.double_precision() ? "float64" : "float32", model.current_max_rank,
              config.max_rank, config.gate_hidden_dim);
  std::printf("%s, %s gates, %s%s%s\n", model.bidirectional ? "both directions" : "forward in time",
              modes[static_cast<std::size_t>(config.gate_mode)],
              model.training ? "training" : "evaluation",
              config.causal_convolution ? ", causal convolution" : "",
              model.checkpointing ? ", checkpointing" : "");
  std::printf("on %s, concurrency %d, path %s\n", Exec::name(), Exec().concurrency(),
              config.use_fused_scan ? "fused" : "plain");
  std::printf("forward %.3f ms, %.2f GB/s of x and y\n", measured.forward_seconds * 1e3,
              bytes / measured.forward_seconds * 1e-9);
  if (arguments.backward) std::printf("backward %.3f ms\n", measured.backward_seconds * 1e3);
  std::printf("worked in %.3f MB\n%s written\n", measured.worked_in_bytes * 1e-6,
              arguments.out.c_str());
}

void run(const Arguments& arguments) {
  const ModelFile model(arguments.model, arguments.backward);
  std::error_code not_there;
  if (std::filesystem::equivalent(arguments.model, arguments.out, not_there)) {
    throw std::runtime_error("OUT is the model file " + arguments.model +
                             " itself; choose another name");
  }
  OutputFile out(arguments.out, OutputFile::Existing::replace_it);
  const Kokkos::ScopeGuard kokkos(kokkos_settings());
  const Measurement measured =
      model.double_precision() ? Run<double>(model, out)(arguments.backward, arguments.diagnostics)
                               : Run<float>(model, out)(arguments.backward, arguments.diagnostics);
  out.commit();
  for (const std::string& warning : model.warnings()) warn(warning);
  print_summary(arguments, model, measured);
}

}  // namespace

void add_ar_ssm_command(CLI::App& program, const Ranks& ranks) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("ar-ssm", "Run an AR-SSM layer from a model file");
  command->add_option("MODEL", arguments->model, "The model file")->required();
  command->add_option("OUT", arguments->out, "The new file; an HDF5 file of that name is replaced")
      ->required();
  command->add_flag("--backward", arguments->backward,
                    "Also the gradients of sum(y * grad_y) + l1_weight * gate_l1_loss");
  command->add_flag("--diagnostics", arguments->diagnostics,
                    "Also gates, u, v, sums, both parts of y, and numbers about them");
  command->footer(
      "MODEL has the group /parameters with a layer's nine parameters by their names in PyTorch's "
      "state_dict, /x (batch, length, d_model), for --backward /grad_y of the same shape, and "
      "perhaps /gumbel_uniform (batch, length, max_rank). All are float32, or all float64.\n"
      "\n"
      "Its attributes, each with a default: min_rank (4), l1_regularization (0.001), gate_mode "
      "(soft; or ste, gumbel), gumbel_temperature (1), current_max_rank (max_rank), training, "
      "bidirectional, checkpointing, causal_convolution (false), use_fused_scan (true), l1_weight "
      "(0). Others are named in a warning. d_model, max_rank and gate_hidden_dim "
      "follow from the shapes.\n"
      "\n"
      "OUT gets /y, /gradients with x and the parameters' names, and /diagnostics.");
  command->callback([arguments, &ranks] { ranks.on_the_first([&] { run(*arguments); }); });
}

}  // namespace fused_scan::cli
