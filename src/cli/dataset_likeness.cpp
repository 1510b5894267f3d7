// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dataset_likeness.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>

#include "attributes.hpp"

namespace fused_scan::cli {

namespace {

/// By their numbers in the HDF Group's register: deflate, shuffle, fletcher32, szip, nbit; bzip2,
/// LZF, Blosc, LZ4, bitshuffle, Zstandard, Blosc2. Sums may have digits that a lossy filter, made
/// for the original's numbers, cuts off.
constexpr std::array lossless{1, 2, 3, 4, 5, 307, 32000, 32001, 32004, 32008, 32015, 32026};

bool can_be_written(H5Z_filter_t filter) {
  unsigned configuration = 0;
  return H5Zfilter_avail(filter) > 0 && H5Zget_filter_info(filter, &configuration) >= 0 &&
         (configuration & H5Z_FILTER_CONFIG_ENCODE_ENABLED);
}

void copy_filters(hid_t from, hid_t to, const std::string& label,
                  std::vector<std::string>& warnings) {
  const int count = H5Pget_nfilters(from);
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, configuration = 0;
    std::vector<unsigned> values(64);
    std::size_t used = values.size();
    char name[64] = "";
    const H5Z_filter_t filter = H5Pget_filter2(from, static_cast<unsigned>(i), &flags, &used,
                                               values.data(), sizeof name, name, &configuration);
    values.resize(std::max(used, values.size()));
    const bool known = std::find(lossless.begin(), lossless.end(), filter) != lossless.end();
    if (known && can_be_written(filter) &&
        H5Pset_filter(to, filter, flags, used, values.data()) >= 0) {
      continue;
    }
    warnings.push_back("OUT is stored without the filter " + std::to_string(filter) + " (" + name +
                       ") of " + label + ", which " +
                       (known ? "cannot be written here" : "is not known to keep every digit"));
  }
}

/// Reads an attribute into memory as it is stored, and takes back what HDF5 allocates for it.
class AttributeBytes {
 public:
  explicit AttributeBytes(const Handle& attribute)
      : m_type(H5Aget_type(attribute.id())), m_space(H5Aget_space(attribute.id())) {
    const hssize_t points = std::max<hssize_t>(0, H5Sget_simple_extent_npoints(m_space.id()));
    m_bytes.resize(static_cast<std::size_t>(points) * H5Tget_size(m_type.id()));
    m_read = points == 0 || H5Aread(attribute.id(), m_type.id(), m_bytes.data()) >= 0;
  }
  ~AttributeBytes() {
    if (m_read && !m_bytes.empty()) {
      H5Dvlen_reclaim(m_type.id(), m_space.id(), H5P_DEFAULT, m_bytes.data());
    }
  }
  AttributeBytes(const AttributeBytes&) = delete;
  AttributeBytes& operator=(const AttributeBytes&) = delete;

  bool write(hid_t object, const char* name) const {
    if (!m_read) return false;
    const Handle type(H5Tcopy(m_type.id()));  // a named type of another file becomes a plain one
    const Handle attribute(
        H5Acreate2(object, name, type.id(), m_space.id(), H5P_DEFAULT, H5P_DEFAULT));
    return attribute &&
           (m_bytes.empty() || H5Awrite(attribute.id(), m_type.id(), m_bytes.data()) >= 0);
  }

  bool has_values() const { return m_read && !m_bytes.empty(); }
  hid_t type() const { return m_type.id(); }
  template <class T>
  std::size_t count() const {
    return has_values() && H5Tget_size(m_type.id()) == sizeof(T) ? m_bytes.size() / sizeof(T) : 0;
  }
  template <class T>
  const T* values() const {
    return reinterpret_cast<const T*>(m_bytes.data());
  }

 private:
  Handle m_type;
  Handle m_space;
  std::vector<unsigned char> m_bytes;
  bool m_read = false;
};

std::string text_attribute(hid_t object, const char* name) {
  try {
    return string_attribute(object, "", name).value_or("");
  } catch (const std::exception&) {
    return "";  // not a string: not what HDF5's dimension scales mean by that name
  }
}

bool is_scale(hid_t object) { return text_attribute(object, "CLASS") == "DIMENSION_SCALE"; }

/// What a dimension scale calls itself, or else the name of its data set.
std::string scale_name(hid_t scale) {
  const std::string name = text_attribute(scale, "NAME");
  // netCDF's word for a dimension that has no values.
  if (!name.empty() && !name.starts_with("This is a netCDF dimension")) return name;
  std::string path(static_cast<std::size_t>(std::max<ssize_t>(0, H5Iget_name(scale, nullptr, 0))),
                   '\0');
  H5Iget_name(scale, path.data(), path.size() + 1);
  return path.substr(path.rfind('/') + 1);
}

/// The dimensions' labels, empty for those that have none.
std::vector<std::string> dimension_labels(const Dataset& dataset) {
  std::vector<std::string> labels(dataset.extents().size());
  const Handle given(H5Aopen(dataset.id(), "DIMENSION_LABELS", H5P_DEFAULT));
  if (given) {
    const AttributeBytes attribute(given);
    const bool strings = H5Tis_variable_str(attribute.type()) > 0;
    const std::size_t count = strings ? attribute.count<char*>() : 0;
    for (std::size_t d = 0; d < std::min(labels.size(), count); ++d) {
      const char* label = attribute.values<char*>()[d];
      if (label) labels[d] = label;
    }
  }
  const Handle list(H5Aopen(dataset.id(), "DIMENSION_LIST", H5P_DEFAULT));
  if (!list) return labels;
  const AttributeBytes scales(list);
  const bool lists = H5Tget_class(scales.type()) == H5T_VLEN;
  const Handle reference(lists ? H5Tget_super(scales.type()) : H5I_INVALID_HID);
  if (!reference || H5Tequal(reference.id(), H5T_STD_REF_OBJ) <= 0) return labels;
  for (std::size_t d = 0; d < std::min(labels.size(), scales.count<hvl_t>()); ++d) {
    const hvl_t& attached = scales.values<hvl_t>()[d];
    if (!labels[d].empty() || attached.len == 0) continue;
    const Handle scale(H5Rdereference2(dataset.id(), H5P_DEFAULT, H5R_OBJECT, attached.p));
    if (scale) labels[d] = scale_name(scale.id());
  }
  return labels;
}

bool write_labels(hid_t object, const std::vector<std::string>& labels) {
  const Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.id(), H5T_VARIABLE);
  const hsize_t rank = labels.size();
  const Handle space(H5Screate_simple(1, &rank, nullptr));
  const Handle attribute(
      H5Acreate2(object, "DIMENSION_LABELS", type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT));
  std::vector<const char*> texts;
  for (const std::string& label : labels) texts.push_back(label.c_str());
  return attribute && H5Awrite(attribute.id(), type.id(), texts.data()) >= 0;
}

}  // namespace

DatasetForm form_like(const Dataset& original, hid_t stored_type,
                      std::vector<std::string>& warnings) {
  DatasetForm form(original.extents(), stored_type);
  const Handle creation(H5Dget_create_plist(original.id()));
  if (H5Pget_layout(creation.id()) != H5D_CHUNKED) return form;
  form.space = Handle(H5Dget_space(original.id()));
  H5Sselect_all(form.space.id());
  const Extents chunk = original.chunk();
  H5Pset_chunk(form.creation.id(), static_cast<int>(chunk.size()), chunk.data());
  copy_filters(creation.id(), form.creation.id(), original.label(), warnings);
  return form;
}

void copy_attributes(const Dataset& original, const Dataset& copy,
                     std::vector<std::string>& warnings) {
  const bool scale = is_scale(original.id());
  const auto not_copied = [&](const std::string& name) {
    warnings.push_back("OUT is without the attribute " + name + " of " + original.label() + ": " +
                       hdf5_reason());
  };
  for (const std::string& name : attribute_names(original.id())) {
    // What makes a data set a dimension scale, and labels, which are dealt with below.
    if (scale && (name == "CLASS" || name == "NAME")) continue;
    if (name == "DIMENSION_LABELS" || name.starts_with("_Netcdf4")) continue;
    const Handle attribute(H5Aopen(original.id(), name.c_str(), H5P_DEFAULT));
    const Handle type(H5Aget_type(attribute.id()));
    if (H5Tdetect_class(type.id(), H5T_REFERENCE) > 0) continue;
    if (!attribute || !AttributeBytes(attribute).write(copy.id(), name.c_str())) not_copied(name);
  }
  const std::vector<std::string> labels = dimension_labels(original);
  const bool any = std::any_of(labels.begin(), labels.end(),
                               [](const std::string& label) { return !label.empty(); });
  if (any && !write_labels(copy.id(), labels)) not_copied("DIMENSION_LABELS");
}

}  // namespace fused_scan::cli
