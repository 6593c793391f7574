#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "configs/output.h"
#include "jobs/results/store/hdf5/h5.h"
#include "jobs/results/store/hdf5/h5_attribute.h"

namespace ditmill::jobs::results::h5 {

/// What files hold an output's values as.
hid_t file_type(configs::OutputType type);

/// How a dataset is stored: chunks of that shape, Fletcher-32, and deflate if gzip is 1 .. 9.
struct Layout {
  std::vector<hsize_t> shape;
  std::vector<hsize_t> chunk;
  int gzip = 0;
};

/// Writes a whole dataset of little-endian elements of `type`, with its attributes. Throws Error: io,
/// no_space.
void write_dataset(hid_t group, const std::string& name, hid_t type, const Layout& layout, const void* data,
                   const std::string& file, const Attributes& attributes = {});

/// An open dataset of a known rank whose shape is believable: its values fit into memory that a file of its
/// stored size can fill.
class Reader {
 public:
  /// `type`, `rank`: what its elements and its shape must be in the file. Throws Error(bad_input) if the
  /// dataset is not there or is something else.
  Reader(hid_t group, const std::string& name, hid_t type, std::size_t rank, const std::string& file);

  const std::vector<hsize_t>& shape() const noexcept { return shape_; }
  std::size_t values() const noexcept { return values_; }
  hid_t get() const noexcept { return dataset_.get(); }
  /// Reads `count` rows of the first axis into `out`, which has room for them. Throws Error(bad_input) if a
  /// checksum fails.
  void read(hsize_t first, hsize_t count, void* out) const;

 private:
  [[noreturn]] void refuse(const std::string& expected, const std::string& got) const;

  std::string name_;
  std::string file_;
  hid_t type_;
  Dataset dataset_;
  std::vector<hsize_t> shape_;
  std::size_t values_ = 0;
};

}  // namespace ditmill::jobs::results::h5
