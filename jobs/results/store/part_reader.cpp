#include "jobs/results/store/part_reader.h"

#include <algorithm>
#include <span>

#include "configs/declared_fields.h"
#include "jobs/results/store/content_hash.h"
#include "jobs/results/store/hdf5/h5_dataset.h"

namespace ditmill::jobs::results {
namespace {

/// What is read at a time of a dataset whose rows are smaller.
constexpr std::size_t piece_bytes = std::size_t{1} << 20;

const configs::Output& declared(std::string_view name, const std::string& file) {
  const configs::Output* output = configs::output_named(configs::declared_outputs(), name);
  if (output != nullptr) return *output;
  throw Error(Category::internal, "read dataset " + std::string{name}, Where{.file = file});
}

h5::Reader open(const h5::Group& group, const configs::Output& output, const std::string& file) {
  return {group.get(), output.name, h5::file_type(output.type), output.axes.size(), file};
}

template <typename T>
std::vector<T> values_of(const h5::Group& group, std::string_view output, const std::string& file) {
  const h5::Reader reader = open(group, declared(output, file), file);
  std::vector<T> values(reader.values());
  reader.read(0, reader.shape()[0], values.data());
  return values;
}

herr_t take_name(hid_t, const char* name, const H5L_info_t*, void* out) {
  // An exception must not pass through HDF5's C frames.
  try {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  } catch (...) {
    return -1;
  }
}

}  // namespace

PartReader::PartReader(const std::string& path)
    : path_(path), file_(h5::open_file(path)), items_(h5::open_group(file_.get(), "items", path)) {}

h5::Group PartReader::item(const std::string& id) const { return h5::open_group(items_.get(), id, path_); }

std::vector<std::string> PartReader::items() const {
  std::vector<std::string> names;
  h5::call<H5Literate>("list a part's items", path_, items_.get(), H5_INDEX_NAME, H5_ITER_INC,
                       static_cast<hsize_t*>(nullptr), take_name, static_cast<void*>(&names));
  return names;
}

h5::Attributes PartReader::attributes(const std::string& id) const {
  return h5::read_attributes(item(id).get(), path_);
}

std::optional<PartReader::Shape> PartReader::shape(const std::string& id, std::string_view output) const {
  const h5::Group group = item(id);
  const configs::Output& known = declared(output, path_);
  if (!h5::has_link(group.get(), known.name, path_)) return std::nullopt;
  const h5::Reader reader = open(group, known, path_);
  return Shape(reader.shape().begin(), reader.shape().end());
}

std::vector<std::uint8_t> PartReader::bytes(const std::string& id, std::string_view output) const {
  return values_of<std::uint8_t>(item(id), output, path_);
}

std::vector<std::uint8_t> PartReader::row(const std::string& id, std::string_view output,
                                          std::int64_t index) const {
  const h5::Group group = item(id);
  const h5::Reader reader = open(group, declared(output, path_), path_);
  const hsize_t count = reader.shape()[0];
  if (index < 0 || static_cast<hsize_t>(index) >= count) {
    throw Error(Category::bad_input, "read a row of " + std::string{output}, Where{.file = path_, .item = id},
                Expected{"one of " + std::to_string(count)}, Got{std::to_string(index)});
  }
  std::vector<std::uint8_t> values(reader.values() / count);
  reader.read(static_cast<hsize_t>(index), 1, values.data());
  return values;
}

std::vector<float> PartReader::reals(const std::string& id, std::string_view output) const {
  return values_of<float>(item(id), output, path_);
}

h5::Attributes PartReader::video_attributes(const std::string& id) const {
  return h5::read_attributes(open(item(id), declared("video", path_), path_).get(), path_);
}

std::vector<std::string> PartReader::datasets(const std::string& id) const {
  const h5::Group group = item(id);
  std::vector<std::string> names;
  for (const configs::Output& output : configs::declared_outputs()) {
    if (h5::has_link(group.get(), output.name, path_)) names.push_back(output.name);
  }
  return names;
}

void PartReader::read_bytes(const std::string& id, const std::string& dataset,
                            const std::function<void(std::span<const std::byte>)>& take) const {
  const configs::Output& output = declared(dataset, path_);
  const h5::Group group = item(id);
  const h5::Reader reader = open(group, output, path_);
  const hsize_t rows = reader.shape()[0];
  if (rows == 0) return;
  const std::size_t row_bytes = reader.values() / rows * configs::bytes_of(output.type);
  const bool across = !output.chunk.empty() && output.chunk_axis() > 0;
  const hsize_t at_once =
      across ? rows : std::clamp<hsize_t>(piece_bytes / std::max<hsize_t>(row_bytes, 1), 1, rows);
  std::vector<std::byte> bytes(at_once * row_bytes);
  for (hsize_t first = 0; first < rows; first += at_once) {
    const hsize_t count = std::min(at_once, rows - first);
    reader.read(first, count, bytes.data());
    take(std::span(bytes).first(count * row_bytes));
  }
}

std::uint64_t PartReader::stored_bytes(const std::string& id) const {
  const h5::Group group = item(id);
  std::uint64_t bytes = 0;
  for (const configs::Output& output : configs::declared_outputs()) {
    if (!h5::has_link(group.get(), output.name, path_)) continue;
    bytes += H5Dget_storage_size(open(group, output, path_).get());
  }
  return bytes;
}

void PartReader::copy(const std::string& id, hid_t group, const std::string& name) const {
  h5::quiet();
  if (H5Ocopy(items_.get(), id.c_str(), group, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0) {
    throw h5::failure("copy item " + id, path_, Category::bad_input);
  }
}

std::string PartReader::content(const std::string& id) const {
  ContentHash hash;
  for (const std::string& dataset : datasets(id)) {
    read_bytes(id, dataset, [&hash](std::span<const std::byte> bytes) { hash.update(bytes); });
  }
  return hash.hex();
}

}  // namespace ditmill::jobs::results
