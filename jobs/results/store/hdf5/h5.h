#pragma once

#include <hdf5.h>

#include <string>
#include <utility>

#include "configs/error.h"

namespace ditmill::jobs::results::h5 {

/// Switches HDF5's printing of errors off for this thread: its diagnosis goes into the Error instead.
void quiet();
/// The Error for a call of HDF5 that has just failed on this thread: HDF5's own words are in it. Category is
/// no_space or io where the operating system said so, else `otherwise`.
Error failure(std::string doing, const std::string& file, Category otherwise = Category::io);

/// Calls a function of HDF5's C API and throws failure() if its result is negative.
template <auto Function, typename... Args>
auto call(const char* doing, const std::string& file, Args... args) {
  quiet();
  const auto result = Function(args...);
  if (result < 0) throw failure(doing, file);
  return result;
}

/// An open HDF5 object: move-only, closed when it goes; a moved-from one is empty.
template <herr_t (*Close)(hid_t)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) noexcept : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, H5I_INVALID_HID);
    }
    return *this;
  }
  ~Handle() { reset(); }

  hid_t get() const noexcept { return id_; }
  explicit operator bool() const noexcept { return id_ >= 0; }
  /// Closes, and throws what the destructor would swallow.
  void close(const char* doing, const std::string& file) {
    if (id_ >= 0) call<Close>(doing, file, std::exchange(id_, H5I_INVALID_HID));
  }

 private:
  void reset() noexcept {
    if (id_ >= 0) Close(std::exchange(id_, H5I_INVALID_HID));
  }

  hid_t id_ = H5I_INVALID_HID;
};

using File = Handle<H5Fclose>;
using Group = Handle<H5Gclose>;
using Dataset = Handle<H5Dclose>;
using Attribute = Handle<H5Aclose>;
using Space = Handle<H5Sclose>;
using Type = Handle<H5Tclose>;
using Properties = Handle<H5Pclose>;

/// How ditmill's files are opened: closing one closes whatever is open in it; the format is that of
/// HDF5 1.10; no file locks, which some file systems refuse and files that never change do not need.
Properties file_access(const std::string& file);
/// Opens a file to read. Throws Error: not_found, bad_input, io.
File open_file(const std::string& path);

/// Creates a group whose attributes stay in its header.
Group create_group(hid_t parent, const std::string& name, const std::string& file);
/// Opens a group. Throws Error(bad_input) if there is none of that name.
Group open_group(hid_t parent, const std::string& name, const std::string& file);
bool has_link(hid_t parent, const std::string& name, const std::string& file);

}  // namespace ditmill::jobs::results::h5
