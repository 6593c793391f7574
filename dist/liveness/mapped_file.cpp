#include "dist/liveness/mapped_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace ditmill::dist {
namespace {

/// Reads what a line of /proc/self/maps says, character by character: "BEGIN-END rights offset device inode
/// PATH", addresses in hexadecimal, spaces before the path.
class Line {
 public:
  explicit Line(std::span<char> path) noexcept : path_(path) {}

  void take(char c) noexcept {
    if (c == ' ' && length_ == 0) {
      if (!in_space_ && field_ < path_field) ++field_;
      in_space_ = true;
      return;
    }
    in_space_ = false;
    if (field_ == 0) take_address(c);
    if (field_ != path_field) return;
    if (length_ + 1 < path_.size()) path_[length_] = c;
    ++length_;
  }

  bool covers(std::uintptr_t address) const noexcept { return begin_ <= address && address < end_; }
  /// Ends the path; false if there is none that fits.
  bool ends_path() noexcept {
    if (length_ == 0 || length_ + 1 > path_.size() || path_[0] != '/') return false;
    path_[length_] = '\0';
    return true;
  }

 private:
  static constexpr int path_field = 5;

  void take_address(char c) noexcept {
    if (c == '-') {
      begin_ = end_;
      end_ = 0;
      return;
    }
    end_ = end_ * 16 + static_cast<std::uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }

  std::span<char> path_;
  std::size_t length_ = 0;
  int field_ = 0;
  bool in_space_ = false;
  std::uintptr_t begin_ = 0;
  std::uintptr_t end_ = 0;
};

}  // namespace

bool mapped_file(const void* address, std::span<char> path) noexcept {
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return false;
  std::array<char, 1024> some{};
  Line line{path};
  bool found = false;
  bool done = false;
  while (!done) {
    const ssize_t got = ::read(maps, some.data(), some.size());
    if (got <= 0) break;
    for (ssize_t i = 0; i < got && !done; ++i) {
      if (some[static_cast<std::size_t>(i)] != '\n') {
        line.take(some[static_cast<std::size_t>(i)]);
        continue;
      }
      done = line.covers(reinterpret_cast<std::uintptr_t>(address));
      if (done) found = line.ends_path();
      line = Line{path};
    }
  }
  ::close(maps);
  return found;
}

}  // namespace ditmill::dist
