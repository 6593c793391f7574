#pragma once

#include <memory>
#include <optional>
#include <string>

#include "jobs/results/files/durable.h"
#include "jobs/results/store/hdf5/h5.h"

namespace ditmill::jobs::results::h5 {

/// A new HDF5 file on disk, for what is too much for memory. HDF5 reaches the disk through ditmill's own
/// calls: one that fails is kept for check(), and HDF5 is told that it went well, because HDF5 1.10 crashes
/// the process when it cannot close a file.
class DiskFile {
 public:
  /// Writes to `file`, which is open for reading and writing, and empty.
  explicit DiskFile(durable::File file);
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;
  ~DiskFile();

  hid_t get() const noexcept { return file_.get(); }
  /// Throws what the disk refused, if it has: Error(no_space, io). From then on the file is of no use.
  void check() const;
  /// Closes it. Throws as check() does.
  void close();

  struct Disk;  ///< what HDF5's driver writes to

 private:
  std::unique_ptr<Disk> disk_;
  Handle<H5FDunregister> driver_;
  File file_;
};

}  // namespace ditmill::jobs::results::h5
