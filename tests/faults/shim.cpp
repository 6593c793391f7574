// Preloaded into every process of a run: stands between it and the system calls that change the run
// directory, and injects what FaultPlan says. See README.md for its language and its points.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "tests/faults/fault_plan.h"

namespace {

using namespace ditmill::tests::faults;

/// The function that this shim stands before.
template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// What is open: its Kind, and whether it was opened to be written.
struct Descriptor {
  Kind kind = Kind::none;
  bool writes = false;
};
constexpr std::size_t most_descriptors = 1 << 16;
std::array<std::atomic<Descriptor>, most_descriptors> descriptors;

Descriptor descriptor(int fd) {
  return fd >= 0 && static_cast<std::size_t>(fd) < most_descriptors
             ? descriptors[static_cast<std::size_t>(fd)].load()
             : Descriptor{};
}

void remember(int fd, Descriptor what) {
  if (fd >= 0 && static_cast<std::size_t>(fd) < most_descriptors)
    descriptors[static_cast<std::size_t>(fd)] = what;
}

Kind kind_at(int folder, const char* path) {
  if (path == nullptr) return Kind::none;
  if (path[0] == '/') return FaultPlan::get().kind_of_path(path);
  std::array<char, PATH_MAX> base{};
  if (folder == AT_FDCWD) {
    if (::getcwd(base.data(), base.size()) == nullptr) return Kind::none;
  } else {
    const std::string link = "/proc/self/fd/" + std::to_string(folder);
    if (::readlink(link.c_str(), base.data(), base.size() - 1) < 0) return Kind::none;
  }
  return FaultPlan::get().kind_of_path(std::string{base.data()} + "/" + path);
}

void signal_self(int signal) {
  ::kill(::getpid(), signal);
  // Nothing of this thread may happen after a kill.
  while (signal == SIGKILL) ::pause();
}

/// Does a call with the fault that is due. `torn` does half of it.
template <typename Whole, typename Torn>
auto with_fault(Kind kind, Call call, Whole whole, Torn torn) -> decltype(whole()) {
  const int before = errno;
  Fault fault{};
  const bool due = kind != Kind::none && FaultPlan::get().is_due(kind, call, fault);
  errno = before;
  if (!due) return whole();
  switch (fault.action) {
    case Action::kill_before:
      signal_self(SIGKILL);
      break;
    case Action::kill_after:
      whole();
      signal_self(SIGKILL);
      break;
    case Action::kill_torn:
      torn();
      signal_self(SIGKILL);
      break;
    case Action::stop_before:
      signal_self(SIGSTOP);
      return whole();
    case Action::stop_after: {
      const auto result = whole();
      signal_self(SIGSTOP);
      return result;
    }
    case Action::shorten:
      return torn();
    case Action::fail:
      if (call == Call::close) whole();  // a close that fails has closed all the same
      errno = fault.error_number;
      return -1;
  }
  return -1;
}

template <typename Whole>
auto with_fault(Kind kind, Call call, Whole whole) -> decltype(whole()) {
  return with_fault(kind, call, whole, whole);
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
  static auto* const real = next<int(int, const char*, int, ...)>("openat");
  const Kind kind = kind_at(folder, path);
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  const auto whole = [&] { return real(folder, path, flags, mode); };
  int fd = -1;
  if (writes) {
    fd = with_fault(kind, (flags & O_CREAT) != 0 ? Call::create : Call::open, whole);
  } else {
    fd = whole();
  }
  remember(fd, {kind, writes});
  return fd;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int rename_at(int from_folder, const char* from, int to_folder, const char* to) {
  static auto* const real = next<int(int, const char*, int, const char*)>("renameat");
  return with_fault(kind_at(to_folder, to), Call::rename,
                    [&] { return real(from_folder, from, to_folder, to); });
}

int unlink_at(int folder, const char* path, int flags) {
  static auto* const real = next<int(int, const char*, int)>("unlinkat");
  return with_fault(kind_at(folder, path), (flags & AT_REMOVEDIR) != 0 ? Call::rmdir : Call::unlink,
                    [&] { return real(folder, path, flags); });
}

template <typename Offset>
ssize_t positioned_write(const char* name, int fd, const void* bytes, size_t count, Offset at) {
  auto* const real = next<ssize_t(int, const void*, size_t, Offset)>(name);
  return with_fault(
      descriptor(fd).kind, Call::write, [&] { return real(fd, bytes, count, at); },
      [&] { return real(fd, bytes, count - count / 2, at); });
}

int sync_with(const char* name, int fd) {
  auto* const real = next<int(int)>(name);
  return with_fault(descriptor(fd).kind, Call::fsync, [&] { return real(fd); });
}

}  // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's own names are reserved
// ones.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(folder, path, flags, mode);
}

int openat64(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(folder, path, flags, mode);
}

int creat(const char* path, mode_t mode) {
  return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

ssize_t write(int fd, const void* bytes, size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  return with_fault(
      descriptor(fd).kind, Call::write, [&] { return real(fd, bytes, count); },
      [&] { return real(fd, bytes, count - count / 2); });
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
  return positioned_write("pwrite", fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  return positioned_write("pwrite64", fd, bytes, count, at);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  static auto* const real = next<ssize_t(int, const iovec*, int)>("writev");
  return with_fault(
      descriptor(fd).kind, Call::write, [&] { return real(fd, parts, count); },
      [&] { return real(fd, parts, count - count / 2); });
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int rename(const char* from, const char* to) noexcept { return rename_at(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return rename_at(from_folder, from, to_folder, to);
}

int unlink(const char* path) noexcept { return unlink_at(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char* path, int flags) noexcept { return unlink_at(folder, path, flags); }
int rmdir(const char* path) noexcept { return unlink_at(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char* path) noexcept {
  // remove(3) takes files first, and folders where that is refused: only the call that will do it counts.
  struct stat status {};
  const bool folder = ::lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
  return unlink_at(AT_FDCWD, path, folder ? AT_REMOVEDIR : 0);
}

int close(int fd) {
  static auto* const real = next<int(int)>("close");
  const Descriptor what = descriptor(fd);
  remember(fd, {});
  return with_fault(what.writes ? what.kind : Kind::none, Call::close, [&] { return real(fd); });
}

int ftruncate(int fd, off_t size) noexcept {
  static auto* const real = next<int(int, off_t)>("ftruncate");
  return with_fault(descriptor(fd).kind, Call::truncate, [&] { return real(fd, size); });
}

int futimens(int fd, const timespec* times) noexcept {
  static auto* const real = next<int(int, const timespec*)>("futimens");
  return with_fault(descriptor(fd).kind, Call::touch, [&] { return real(fd, times); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  return with_fault(kind_at(AT_FDCWD, path), Call::mkdir, [&] { return real(path, mode); });
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
