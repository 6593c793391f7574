#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "jobs/store/h5.h"

namespace ditmill::jobs::h5 {

/// An HDF5 file that is built in memory, and leaves as bytes. So all writing to disk is ditmill's own: HDF5
/// 1.10 crashes the process when a file cannot be closed because the disk is full.
class MemoryFile {
 public:
  /// `label` names the file in messages. The format is that of HDF5 1.10.
  explicit MemoryFile(std::string label);

  hid_t get() const noexcept { return file_.get(); }
  /// Bytes so far, without what is still open.
  std::uint64_t size() const;
  /// Closes the file, and whatever is open in it. The bytes live as long as this object. Throws Error.
  std::string_view finish();

 private:
  struct Free {
    void operator()(void* bytes) const noexcept { std::free(bytes); }
  };
  using Bytes = std::unique_ptr<void, Free>;

  static void* allocate(std::size_t size, H5FD_file_image_op_t operation, void* self);
  static void* resize(void* bytes, std::size_t size, H5FD_file_image_op_t operation, void* self);
  static herr_t release(void* bytes, H5FD_file_image_op_t operation, void* self);

  struct Closed {
    Bytes bytes;
    std::size_t capacity = 0;
  };

  std::string label_;
  std::unique_ptr<Closed> closed_;  // HDF5 holds its address
  File file_;
};

}  // namespace ditmill::jobs::h5
