#include "registry/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "configs/error.h"

namespace ditmill::registry {
namespace {

constexpr std::size_t largest_read = std::size_t{1} << 30;  // Linux reads at most 2 GiB - 4 KiB a call

[[noreturn]] void refuse_range(const std::string& label, std::uint64_t offset, std::size_t wanted,
                               std::uint64_t size) {
  throw Error{Category::io,
              "read bytes of a file",
              Where{.file = label, .offset = offset},
              Expected{std::to_string(wanted) + " bytes from here"},
              Got{"a file of " + std::to_string(size) + " bytes"},
              "has the file been changed since it was opened?"};
}

class FileSource final : public ByteSource {
 public:
  FileSource(std::string label, UniqueFd fd, std::uint64_t size)
      : label_(std::move(label)), fd_(std::move(fd)), size_(size) {}

  const std::string& label() const noexcept override { return label_; }
  std::uint64_t size() const noexcept override { return size_; }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size_ || out.size() > size_ - offset) refuse_range(label_, offset, out.size(), size_);
    std::size_t done = 0;
    while (done < out.size()) {
      const std::size_t want = std::min(out.size() - done, largest_read);
      const ssize_t got = ::pread(fd_.get(), out.data() + done, want, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        throw system_error(errno, "read bytes of a file", Where{.file = label_, .offset = offset + done});
      }
      if (got == 0) refuse_range(label_, offset, out.size(), offset + done);
      done += static_cast<std::size_t>(got);
    }
  }

 private:
  std::string label_;
  UniqueFd fd_;
  std::uint64_t size_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string label, std::span<const std::byte> bytes)
      : label_(std::move(label)), bytes_(bytes) {}

  const std::string& label() const noexcept override { return label_; }
  std::uint64_t size() const noexcept override { return bytes_.size(); }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      refuse_range(label_, offset, out.size(), bytes_.size());
    }
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::string label_;
  std::span<const std::byte> bytes_;
};

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "something else";
}

[[noreturn]] void refuse_open(int error, const std::string& path) {
  const Where where{.file = path};
  const std::string doing = "open a file";
  if (error == ELOOP) {
    throw Error{Category::bad_input, doing, where, Expected{"a regular file"},
                Got{"a symbolic link that leads to itself"}};
  }
  struct stat link {};
  if (error == ENOENT && ::lstat(path.c_str(), &link) == 0) {
    std::string target(4096, '\0');
    target.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, ::readlink(path.c_str(), target.data(), target.size()))));
    throw Error{Category::not_found,
                doing,
                where,
                Expected{"a regular file"},
                Got{"a symbolic link to nothing" + (target.empty() ? "" : ", " + printable(target))},
                target.find("blobs/") == std::string::npos
                    ? "the link's target is missing: fetch the file again"
                    : "it leads to the blobs of huggingface's cache, which are not here: copy the folder "
                      "with `cp -rL` "
                      "(or `rsync -rL`), or fetch it again"};
  }
  if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG) {
    throw Error{Category::not_found, doing, where, {}, Got{std::strerror(error)}};
  }
  throw system_error(error, doing, where);
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int UniqueFd::release() noexcept { return std::exchange(fd_, -1); }

void UniqueFd::reset() noexcept {
  if (fd_ >= 0) ::close(release());
}

FileStamp file_stamp(const std::string& path) {
  struct stat found {};
  // A path with a NUL inside would name another file to the system.
  if (path.find('\0') != std::string::npos) refuse_open(ENOENT, path);
  if (::stat(path.c_str(), &found) != 0) refuse_open(errno, path);
  if (!S_ISREG(found.st_mode)) {
    throw Error{Category::bad_input, "open a file", Where{.file = path}, Expected{"a regular file"},
                Got{kind_of(found.st_mode)}};
  }
  return {static_cast<std::uint64_t>(found.st_size),
          static_cast<std::int64_t>(found.st_mtim.tv_sec) * 1'000'000'000 + found.st_mtim.tv_nsec,
          static_cast<std::uint64_t>(found.st_ino)};
}

std::unique_ptr<ByteSource> open_file(const std::string& path) {
  // Looked at before it is opened: opening a device can have effects of its own.
  file_stamp(path);
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!fd) refuse_open(errno, path);
  struct stat opened {};
  if (::fstat(fd.get(), &opened) != 0) throw system_error(errno, "open a file", Where{.file = path});
  if (!S_ISREG(opened.st_mode)) {
    throw Error{Category::bad_input, "open a file", Where{.file = path}, Expected{"a regular file"},
                Got{kind_of(opened.st_mode)}};
  }
  return std::make_unique<FileSource>(path, std::move(fd), static_cast<std::uint64_t>(opened.st_size));
}

std::unique_ptr<ByteSource> memory_source(std::string label, std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(std::move(label), bytes);
}

std::string read_text(const std::string& path, std::uint64_t limit) {
  const std::unique_ptr<ByteSource> source = open_file(path);
  if (source->size() > limit) {
    throw Error{Category::bad_input, "read a text file", Where{.file = path},
                Expected{"at most " + std::to_string(limit) + " bytes"},
                Got{std::to_string(source->size()) + " bytes"}};
  }
  std::string text(source->size(), '\0');
  source->read_at(0, std::as_writable_bytes(std::span{text}));
  return text;
}

}  // namespace ditmill::registry
