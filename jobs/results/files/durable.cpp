#include "jobs/results/files/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include "configs/error.h"

namespace ditmill::jobs::results::durable {
namespace {

/// Of a large file, so much is written before the disk is told.
constexpr std::size_t piece_bytes = std::size_t{4} << 20;

std::string folder_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

int open_retrying(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

int sync_retrying(int fd) {
  int result = -1;
  do {
    result = ::fsync(fd);
  } while (result != 0 && errno == EINTR);
  return result;
}

void sync_path(const std::string& path, int flags, const char* doing) {
  const File file = File::open(path, flags);
  if (sync_retrying(file.fd()) != 0) throw system_error(errno, doing, Where{.file = path});
}

}  // namespace

File File::open(const std::string& path, int flags) {
  const int fd = open_retrying(path, flags);
  if (fd < 0) throw system_error(errno, "open a file", Where{.file = path});
  return File(registry::UniqueFd(fd), path);
}

std::optional<File> File::create(const std::string& path, int flags) {
  const int fd = open_retrying(path, flags | O_WRONLY | O_CREAT | O_EXCL);
  if (fd < 0 && errno == EEXIST) return std::nullopt;
  if (fd < 0) throw system_error(errno, "create a file", Where{.file = path});
  return File(registry::UniqueFd(fd), path);
}

void File::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(errno, "write a file", Where{.file = path_});
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void File::sync() const {
  if (sync_retrying(fd()) != 0)
    throw system_error(errno, "make a file durable (fsync)", Where{.file = path_});
}

void File::close() {
  // NFS and quotas may report a failed write only here.
  if (const int fd = fd_.release(); fd >= 0 && ::close(fd) != 0 && errno != EINTR) {
    throw system_error(errno, "close a file", Where{.file = path_});
  }
}

void publish(const std::string& temp_path, const std::string& path) {
  sync_path(temp_path, O_RDONLY, "make a file durable (fsync)");
  if (std::rename(temp_path.c_str(), path.c_str()) != 0) {
    throw system_error(errno, "rename " + temp_path + " to its final name", Where{.file = path});
  }
  sync_folder(folder_of(path));
}

std::string write_beside(const std::string& path, std::string_view text) {
  std::string temp = path + std::string(temp_suffix);
  try {
    File file = File::open(temp, O_WRONLY | O_CREAT | O_TRUNC);
    for (; text.size() > piece_bytes; text.remove_prefix(piece_bytes)) {
      file.write(text.substr(0, piece_bytes));
      // Only starts: the disk is at work while the next piece is copied. What fails is found by fsync.
      ::sync_file_range(file.fd(), 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    file.write(text);
    file.close();
  } catch (const Error&) {
    ::unlink(temp.c_str());
    throw;
  }
  return temp;
}

void write_file(const std::string& path, std::string_view text) {
  const std::string temp = write_beside(path, text);
  try {
    publish(temp, path);
  } catch (const Error&) {
    ::unlink(temp.c_str());
    throw;
  }
}

std::string read_file(const std::string& path) {
  std::string text;
  std::error_code unknown;
  if (const auto size = std::filesystem::file_size(path, unknown); !unknown) text.reserve(size);
  read_pieces(path, [&text](std::string_view piece) { text += piece; });
  return text;
}

void read_pieces(const std::string& path, const std::function<void(std::string_view)>& take) {
  const File file = File::open(path, O_RDONLY);
  std::vector<char> buffer(std::size_t{1} << 18);
  while (true) {
    const ssize_t count = ::read(file.fd(), buffer.data(), buffer.size());
    if (count == 0) return;
    if (count > 0) {
      take({buffer.data(), static_cast<std::size_t>(count)});
    } else if (errno != EINTR) {
      throw system_error(errno, "read a file", Where{.file = path});
    }
  }
}

void sync_folder(const std::string& path) {
  sync_path(path, O_RDONLY | O_DIRECTORY, "make a folder durable (fsync)");
}

}  // namespace ditmill::jobs::results::durable
