// Preloaded into every process of a run: stands between it and the weights that it loads, and injects one
// fault. See README.md for its language.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>

namespace {

/// Smaller reads are those of headers.
constexpr std::size_t least_bytes = std::size_t{256} << 10;

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::string{} : std::string{text};
}

/// What is to happen: PLACE:ACTION, `+` behind it: each time, not the first time only.
struct Fault {
  Fault() {
    std::string text = variable("DITMILL_WEIGHTS_FAULT");
    const std::string rank = variable("DITMILL_FAULT_RANK");
    if (!rank.empty() && rank != variable("OMPI_COMM_WORLD_RANK")) return;
    if (text.ends_with('+')) {
      always = true;
      text.pop_back();
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) return;
    place = text.substr(0, colon);
    action = text.substr(colon + 1);
  }

  std::string place = {};
  std::string action = {};
  bool always = false;
  std::atomic<int> fired = 0;
};

Fault& fault() {
  static Fault the_fault;
  return the_fault;
}

/// Says when it happened, so that a test can tell how long its discovery took.
void note_fired() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string line = std::to_string(now.tv_sec) + "." +
                           std::to_string(now.tv_nsec / 1'000'000 + 1000).substr(1) + " " +
                           std::to_string(::getpid()) + "\n";
  const int log =
      ::open(variable("DITMILL_FAULT_LOG").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) std::abort();
  if (::write(log, line.data(), line.size()) < 0) std::abort();
  ::close(log);
}

bool is_due(std::string_view place) {
  if (fault().place != place && (fault().place != "any" || place == "room")) return false;
  if (fault().fired++ > 0 && !fault().always) return false;
  note_fired();
  return true;
}

std::string path_of(int fd) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return length < 0 ? std::string{} : std::string{path.data(), static_cast<std::size_t>(length)};
}

/// The file that is mapped there; empty: none.
std::string path_at(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%zx-%zx", &begin, &end) != 2 || wanted < begin || wanted >= end) continue;
    const std::size_t path = line.find('/');
    return path == std::string::npos ? std::string{} : line.substr(path);
  }
  return {};
}

/// The file that the root names, or one below it.
bool is_weights(const std::string& path) {
  const std::string root = variable("DITMILL_WEIGHTS_ROOT");
  return !root.empty() && path.starts_with(root);
}

/// What happens to the process or to the file, whatever the call is.
void strike(const std::string& path) {
  const std::string& action = fault().action;
  // The test says when to go on, or ends what waits here.
  const std::string go = variable("DITMILL_FAULT_LOG") + ".go";
  while (action == "hold" && ::access(go.c_str(), F_OK) != 0) ::usleep(10'000);
  if (action == "truncate" && ::truncate(path.c_str(), least_bytes / 2) != 0) std::abort();
  if (action == "replace") {
    // The test has laid it there, and the first rank takes it; what is open stays the old one.
    if (::rename((path + ".new").c_str(), path.c_str()) != 0 && errno != ENOENT) std::abort();
  }
}

template <typename Read>
ssize_t faulty_read(int fd, void* bytes, std::size_t count, const Read& read) {
  if (count < least_bytes) return read(count);
  const bool direct = (::fcntl(fd, F_GETFL) & O_DIRECT) != 0;
  const std::string path = path_of(fd);
  if (!is_weights(path) || !is_due(direct ? "direct" : "read")) return read(count);
  const std::string& action = fault().action;
  if (action == "EIO" || action == "EINVAL" || action == "EINTR") {
    errno = action == "EIO" ? EIO : action == "EINVAL" ? EINVAL : EINTR;
    return -1;
  }
  if (action == "short") return read(count / 2 + 1);
  strike(path);
  const ssize_t got = read(count);
  if (action == "flip" && got > 0) static_cast<char*>(bytes)[got / 2] ^= 1;
  return got;
}

}  // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's own names are reserved
// ones.
extern "C" {

ssize_t pread(int fd, void* bytes, size_t count, off_t offset) {
  static auto* const real = next<ssize_t(int, void*, size_t, off_t)>("pread");
  return faulty_read(fd, bytes, count, [&](std::size_t some) { return real(fd, bytes, some, offset); });
}

ssize_t pread64(int fd, void* bytes, size_t count, off64_t offset) {
  static auto* const real = next<ssize_t(int, void*, size_t, off64_t)>("pread64");
  return faulty_read(fd, bytes, count, [&](std::size_t some) { return real(fd, bytes, some, offset); });
}

int madvise(void* address, size_t length, int advice) noexcept {
  static auto* const real = next<int(void*, size_t, int)>("madvise");
#ifdef MADV_POPULATE_READ
  if (advice == MADV_POPULATE_READ && length >= least_bytes) {
    if (const std::string path = path_at(address); is_weights(path) && is_due("map")) strike(path);
  }
#endif
#ifdef MADV_POPULATE_WRITE
  if (advice == MADV_POPULATE_WRITE && path_at(address).starts_with("/dev/shm/") && is_due("room")) {
    errno = EFAULT;
    return -1;
  }
#endif
  return real(address, length, advice);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  static auto* const real = next<int(int, off_t, off_t)>("posix_fallocate");
  if (path_of(fd).starts_with("/dev/shm/") && is_due("room")) return ENOSPC;
  return real(fd, offset, length);
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
