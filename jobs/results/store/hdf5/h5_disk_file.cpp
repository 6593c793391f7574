#include "jobs/results/store/hdf5/h5_disk_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace ditmill::jobs::results::h5 {

struct DiskFile::Disk {
  durable::File file;
  haddr_t end_of_addresses = 0;
  haddr_t size = 0;
  int error = 0;  ///< errno of the first call that failed
};

namespace {

/// What HDF5 knows of an open file: its own fields come first.
struct Opened {
  H5FD_t base{};
  DiskFile::Disk* disk = nullptr;
};

DiskFile::Disk& disk_of(const H5FD_t* file) { return *reinterpret_cast<const Opened*>(file)->disk; }

H5FD_t* open(const char*, unsigned, hid_t access, haddr_t) {
  const auto* disk = static_cast<DiskFile::Disk* const*>(H5Pget_driver_info(access));
  auto* opened = disk == nullptr ? nullptr : new (std::nothrow) Opened{.base = {}, .disk = *disk};
  return opened == nullptr ? nullptr : &opened->base;
}

herr_t close(H5FD_t* file) {
  delete reinterpret_cast<Opened*>(file);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t get_end_of_addresses(const H5FD_t* file, H5FD_mem_t) { return disk_of(file).end_of_addresses; }

herr_t set_end_of_addresses(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  disk_of(file).end_of_addresses = address;
  return 0;
}

haddr_t get_size(const H5FD_t* file, H5FD_mem_t) { return disk_of(file).size; }

/// What was never written, or not taken, reads as zeros.
herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* buffer) {
  const DiskFile::Disk& disk = disk_of(file);
  auto* to = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t count = ::pread(disk.file.fd(), to, size, static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    to += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<std::size_t>(count);
  }
  std::memset(to, 0, size);
  return 0;
}

herr_t write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, const void* buffer) {
  DiskFile::Disk& disk = disk_of(file);
  const auto* from = static_cast<const char*>(buffer);
  while (size > 0 && disk.error == 0) {
    const ssize_t count = ::pwrite(disk.file.fd(), from, size, static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      disk.error = errno;
      break;
    }
    from += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<std::size_t>(count);
  }
  disk.size = std::max(disk.size, address + size);
  return 0;
}

herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
  DiskFile::Disk& disk = disk_of(file);
  if (disk.size == disk.end_of_addresses) return 0;
  if (::ftruncate(disk.file.fd(), static_cast<off_t>(disk.end_of_addresses)) != 0 && disk.error == 0) {
    disk.error = errno;
  }
  disk.size = disk.end_of_addresses;
  return 0;
}

/// HDF5 keeps a copy, but for the name.
H5FD_class_t driver_class() {
  H5FD_class_t driver{};
  driver.name = "ditmill";
  driver.maxaddr = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(DiskFile::Disk*);
  driver.open = open;
  driver.close = close;
  driver.query = query;
  driver.get_eoa = get_end_of_addresses;
  driver.set_eoa = set_end_of_addresses;
  driver.get_eof = get_size;
  driver.read = read;
  driver.write = write;
  driver.truncate = truncate;
  return driver;
}

}  // namespace

DiskFile::DiskFile(durable::File file) : disk_(std::make_unique<Disk>(Disk{.file = std::move(file)})) {
  const std::string& path = disk_->file.path();
  const H5FD_class_t driver = driver_class();
  driver_ = Handle<H5FDunregister>(call<H5FDregister>("prepare an HDF5 file", path, &driver));
  const Properties access = file_access(path);
  Disk* disk = disk_.get();
  call<H5Pset_driver>("prepare an HDF5 file", path, access.get(), driver_.get(),
                      static_cast<const void*>(&disk));
  file_ = File(call<H5Fcreate>("create an HDF5 file", path, path.c_str(),
                               static_cast<unsigned>(H5F_ACC_TRUNC), H5P_DEFAULT, access.get()));
}

DiskFile::~DiskFile() = default;

void DiskFile::check() const {
  if (disk_->error == 0) return;
  throw system_error(disk_->error, "write a file", Where{.file = disk_->file.path()});
}

void DiskFile::close() {
  check();
  file_.close("close an HDF5 file", disk_->file.path());
  check();
  disk_->file.close();
}

}  // namespace ditmill::jobs::results::h5
