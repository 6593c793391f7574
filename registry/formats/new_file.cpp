#include "registry/formats/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "configs/error.h"

namespace ditmill::registry {
namespace {

template <typename Call>
int retried(const Call& call) {
  int result = -1;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

void make_durable(int fd, const std::string& path) {
  if (retried([fd] { return ::fsync(fd); }) != 0)
    throw system_error(errno, "make a file durable (fsync)", Where{.file = path});
}

}  // namespace

void refuse_existing(const std::string& path) {
  std::error_code unknown;  // a link to nothing takes its name, too
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, unknown))) return;
  throw Error{Category::usage,
              "write weights",
              Where{.file = path},
              Expected{"a path that is free"},
              Got{"something that exists"},
              "nothing is overwritten: name another path, or remove this one first"};
}

NewFile::NewFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".tmp") {
  refuse_existing(path_);
  fd_ = UniqueFd{
      retried([this] { return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); })};
  if (!fd_) throw system_error(errno, "create a file", Where{.file = path_});
}

NewFile::~NewFile() {
  if (fd_) ::unlink(temporary_.c_str());
}

void NewFile::write(std::span<const std::byte> bytes) {
  const std::uint64_t at = size_;
  size_ += bytes.size();
  write_at(at, bytes);
}

void NewFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw system_error(errno, "write a file", Where{.file = path_, .offset = offset});
    offset += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

void NewFile::publish() {
  // What ends in a hole is not so long yet.
  if (retried([this] { return ::ftruncate(fd_.get(), static_cast<off_t>(size_)); }) != 0)
    throw system_error(errno, "write a file", Where{.file = path_});
  make_durable(fd_.get(), path_);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    throw system_error(errno, "rename a file to its final name", Where{.file = path_});
  fd_.reset();
  const std::string parent = std::filesystem::path{path_}.parent_path().native();
  const UniqueFd folder{retried(
      [&] { return ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
  if (!folder) throw system_error(errno, "open a folder", Where{.file = parent});
  make_durable(folder.get(), parent);
}

}  // namespace ditmill::registry
