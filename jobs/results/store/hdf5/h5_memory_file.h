#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "jobs/results/store/hdf5/h5.h"

namespace ditmill::jobs::results::h5 {

/// Memory for one file after the other: pages that are there already cost nothing.
class Buffer {
 public:
  void* data() const noexcept { return bytes_.get(); }
  std::size_t size() const noexcept { return size_; }
  /// At least so many bytes, what it held included. Null, and unchanged, if there are not so many.
  void* reserve(std::size_t size) noexcept;

 private:
  struct Free {
    void operator()(void* bytes) const noexcept { std::free(bytes); }
  };

  std::unique_ptr<void, Free> bytes_;
  std::size_t size_ = 0;
};

/// An HDF5 file that is built in memory, and leaves as bytes. So all writing to disk is ditmill's own: HDF5
/// 1.10 crashes the process when a file cannot be closed because the disk is full.
class MemoryFile {
 public:
  /// `label` names the file in messages. The format is that of HDF5 1.10. `memory` outlives this object, and
  /// is nobody else's meanwhile.
  MemoryFile(std::string label, Buffer& memory);

  hid_t get() const noexcept { return file_.get(); }
  /// Bytes so far, without what is still open.
  std::uint64_t size() const;
  /// Closes the file, and whatever is open in it. The bytes live as long as this object, in `memory`. Throws
  /// Error.
  std::string_view finish();

 private:
  static void* allocate(std::size_t size, H5FD_file_image_op_t operation, void* memory);
  static void* resize(void* bytes, std::size_t size, H5FD_file_image_op_t operation, void* memory);
  static herr_t release(void* bytes, H5FD_file_image_op_t operation, void* memory);

  std::string label_;
  Buffer& memory_;
  File file_;
};

}  // namespace ditmill::jobs::results::h5
