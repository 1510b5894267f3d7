// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SWEEP_SCANNER_HPP
#define FUSED_SCAN_SWEEP_SCANNER_HPP

// A scan of one type with one operator, as perf_sweep.cpp sees it. Each type is compiled in a file
// of its own, sweep_<type>.cpp: scans take their time to compile.

#include <Kokkos_Core.hpp>
#include <fused_scan/scan_options.hpp>
#include <memory>
#include <string>
#include <vector>

#include "copies.hpp"
#include "sweep_data.hpp"
#include "sweep_reference.hpp"
#include "sweep_shapes.hpp"

namespace fused_scan::perf {

/// How everything is scanned.
struct Setup {
  std::string type = "float";
  bool left = false;  // LayoutLeft
  bool exclusive = false;
  bool functors = false;  // transform_scan
  ScanOptions options;
  Data data = Data::uniform;
  Bytes x, y;

  bool reverse() const { return options.direction == Direction::reverse; }

  /// The array as lines in the order of memory: in LayoutLeft the last extent is the outermost.
  Shape lines(const Shape& shape) const {
    return left ? Shape{shape.inner, shape.length, shape.outer} : shape;
  }
};

class Scanner {
 public:
  explicit Scanner(std::string name) : m_name(std::move(name)) {}
  virtual ~Scanner() = default;
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  const std::string& name() const { return m_name; }
  virtual bool takes(const Shape&) const { return true; }
  virtual void fill(const Shape&) const = 0;
  virtual void scan(const Exec&, const Shape&) const = 0;
  virtual Verdict verdict(const Shape&) const = 0;

 private:
  std::string m_name;
};

using Scanners = std::vector<std::unique_ptr<Scanner>>;

// They add a scanner where the operator, "compensated-sum", "sum" or "max", is to be had.
void add_float(const Setup& setup, const std::string& op, Scanners& scanners);
void add_float_functors(const Setup& setup, const std::string& op, Scanners& scanners);
void add_double(const Setup& setup, const std::string& op, Scanners& scanners);
void add_half(const Setup& setup, const std::string& op, Scanners& scanners);
void add_bhalf(const Setup& setup, const std::string& op, Scanners& scanners);
void add_int32(const Setup& setup, const std::string& op, Scanners& scanners);
void add_complex(const Setup& setup, const std::string& op, Scanners& scanners);
void add_kokkos(const Setup& setup, Scanners& scanners);

/// Filling and comparing, which don't depend on who scans.
template <class T, class Reference = ExactSum<T>>
class ScannerOf : public Scanner {
 public:
  ScannerOf(std::string name, const Setup& setup, Data data)
      : Scanner(std::move(name)), m_setup(setup), m_data(data) {}

  void fill(const Shape& shape) const override {
    perf::fill(x(), m_setup.lines(shape), m_data);
    Kokkos::deep_copy(m_setup.y, 0xff);  // no result
  }
  Verdict verdict(const Shape& shape) const override {
    return Comparison<T, Reference>(x(), y(), m_setup.lines(shape), m_setup.reverse(),
                                    m_setup.exclusive)
        .verdict();
  }

 protected:
  T* x() const { return reinterpret_cast<T*>(m_setup.x.data()); }
  T* y() const { return reinterpret_cast<T*>(m_setup.y.data()); }

  const Setup m_setup;

 private:
  Data m_data;
};

}  // namespace fused_scan::perf

#endif
