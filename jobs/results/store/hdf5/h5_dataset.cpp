#include "jobs/results/store/hdf5/h5_dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "jobs/results/store/hdf5/fletcher32.h"

namespace ditmill::jobs::results::h5 {
namespace {

// Deflate cannot shrink data further than about 1 : 1032.
constexpr std::size_t most_values_per_stored_byte = 1100;

std::string text_of(const std::vector<hsize_t>& shape) { return fmt::format("{}", fmt::join(shape, " x ")); }

/// Whether each chunk is a row of the first axis, stored as it is but for its checksum.
bool is_rows(const Layout& layout) {
  return layout.gzip == 0 && layout.chunk.front() == 1 &&
         std::equal(layout.shape.begin() + 1, layout.shape.end(), layout.chunk.begin() + 1);
}

/// Writes chunks as the filter would, which is what takes the time in H5Dwrite.
void write_rows(const Dataset& dataset, hid_t type, const Layout& layout, const void* data,
                const std::string& file) {
  std::size_t row_bytes = H5Tget_size(type);
  for (std::size_t i = 1; i < layout.shape.size(); ++i) row_bytes *= layout.shape[i];
  std::vector<std::byte> chunk(row_bytes + sizeof(std::uint32_t));
  const auto* row = static_cast<const std::byte*>(data);
  std::vector<hsize_t> offset(layout.shape.size(), 0);
  for (; offset.front() < layout.shape.front(); ++offset.front(), row += row_bytes) {
    const std::uint32_t sum = fletcher32({row, row_bytes});
    std::memcpy(chunk.data(), row, row_bytes);
    std::memcpy(chunk.data() + row_bytes, &sum, sizeof sum);
    call<H5Dwrite_chunk>("write a dataset", file, dataset.get(), H5P_DEFAULT, 0U, offset.data(), chunk.size(),
                         chunk.data());
  }
}

}  // namespace

hid_t file_type(configs::OutputType type) {
  return type == configs::OutputType::uint8 ? H5T_STD_U8LE : H5T_IEEE_F32LE;
}

void write_dataset(hid_t group, const std::string& name, hid_t type, const Layout& layout, const void* data,
                   const std::string& file, const Attributes& attributes) {
  const Properties creation(call<H5Pcreate>("prepare a dataset", file, H5P_DATASET_CREATE));
  const int rank = static_cast<int>(layout.shape.size());
  call<H5Pset_chunk>("prepare a dataset", file, creation.get(), rank, layout.chunk.data());
  call<H5Pset_fill_time>("prepare a dataset", file, creation.get(), H5D_FILL_TIME_NEVER);
  call<H5Pset_obj_track_times>("prepare a dataset", file, creation.get(), hbool_t{false});
  if (layout.gzip > 0) {
    call<H5Pset_deflate>("prepare a dataset", file, creation.get(), static_cast<unsigned>(layout.gzip));
  }
  call<H5Pset_fletcher32>("prepare a dataset", file, creation.get());
  const Space space(call<H5Screate_simple>("create a dataset", file, rank, layout.shape.data(), nullptr));
  Dataset dataset(call<H5Dcreate2>("create a dataset", file, group, name.c_str(), type, space.get(),
                                   H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (is_rows(layout)) {
    write_rows(dataset, type, layout, data, file);
  } else {
    call<H5Dwrite>("write a dataset", file, dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
  }
  for (const auto& [attribute, value] : attributes) write_attribute(dataset.get(), attribute, value, file);
  dataset.close("write a dataset", file);
}

Reader::Reader(hid_t group, const std::string& name, hid_t type, std::size_t rank, const std::string& file)
    : name_(name), file_(file), type_(type) {
  quiet();
  dataset_ = Dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT));
  if (!dataset_) throw failure("open dataset " + name, file, Category::bad_input);
  const Space space(call<H5Dget_space>("open a dataset", file, dataset_.get()));
  const Type stored(call<H5Dget_type>("open a dataset", file, dataset_.get()));
  if (call<H5Tequal>("open a dataset", file, stored.get(), type) == 0)
    refuse("uint8 frames or video, or float32 latents", "other elements");
  if (const int found = H5Sget_simple_extent_ndims(space.get()); found != static_cast<int>(rank)) {
    refuse(std::to_string(rank) + (rank == 1 ? " dimension" : " dimensions"), std::to_string(found));
  }
  shape_.resize(rank);
  call<H5Sget_simple_extent_dims>("open a dataset", file, space.get(), shape_.data(),
                                  static_cast<hsize_t*>(nullptr));
  const hsize_t stored_bytes = H5Dget_storage_size(dataset_.get());
  hsize_t most = 0;
  if (__builtin_mul_overflow(stored_bytes, most_values_per_stored_byte, &most)) {
    most = std::numeric_limits<hsize_t>::max();
  }
  hsize_t product = 1;
  for (const hsize_t extent : shape_) {
    if (__builtin_mul_overflow(product, extent, &product) || product > most) {
      refuse("no more values than its " + std::to_string(stored_bytes) + " stored bytes can hold",
             text_of(shape_));
    }
  }
  values_ = static_cast<std::size_t>(product);
}

void Reader::refuse(const std::string& expected, const std::string& got) const {
  throw Error(Category::bad_input, "read dataset " + name_, Where{.file = file_}, Expected{expected},
              Got{got}, "the file was not written by ditmill, or is damaged");
}

void Reader::read(hsize_t first, hsize_t count, void* out) const {
  std::vector<hsize_t> start(shape_.size(), 0);
  start[0] = first;
  std::vector<hsize_t> extent = shape_;
  extent[0] = count;
  const Space in_file(call<H5Dget_space>("read a dataset", file_, dataset_.get()));
  call<H5Sselect_hyperslab>("read a dataset", file_, in_file.get(), H5S_SELECT_SET, start.data(),
                            static_cast<const hsize_t*>(nullptr), extent.data(),
                            static_cast<const hsize_t*>(nullptr));
  const Space in_memory(call<H5Screate_simple>("read a dataset", file_, static_cast<int>(extent.size()),
                                               extent.data(), static_cast<const hsize_t*>(nullptr)));
  quiet();
  if (H5Dread(dataset_.get(), type_, in_memory.get(), in_file.get(), H5P_DEFAULT, out) < 0) {
    throw failure("read dataset " + name_, file_, Category::bad_input);
  }
}

}  // namespace ditmill::jobs::results::h5
