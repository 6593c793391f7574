#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jobs/store/h5.h"

namespace ditmill::jobs::h5 {

/// How a dataset is stored: chunks of that shape, Fletcher-32, and deflate if gzip is 1 .. 9.
struct Layout {
  std::vector<hsize_t> shape;
  std::vector<hsize_t> chunk;
  int gzip = 0;
};

/// Writes a whole dataset of little-endian elements of `type`. Throws Error: io, no_space.
void write_dataset(hid_t group, const std::string& name, hid_t type, const Layout& layout, const void* data,
                   const std::string& file);

/// An open dataset of rank 4 whose shape is believable: its values fit into memory that a file of its stored
/// size can fill.
class Reader4 {
 public:
  /// `type`: the one that its elements must have in the file. Throws Error(bad_input) if the dataset is not
  /// there or is something else.
  Reader4(hid_t group, const std::string& name, hid_t type, const std::string& file);

  const std::vector<hsize_t>& shape() const noexcept { return shape_; }
  std::size_t values() const noexcept { return values_; }
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

}  // namespace ditmill::jobs::h5
