#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "registry/byte_source.h"

namespace ditmill::jobs::results::durable {

/// What the name of an unfinished file ends in. Whatever ends so belongs to a writer that is at work or dead.
inline constexpr std::string_view temp_suffix = ".tmp";

/// An open file: move-only; a moved-from one is closed.
class File {
 public:
  /// open(2) with O_CLOEXEC and mode 0666. Throws Error: not_found, no_space, io.
  static File open(const std::string& path, int flags);
  /// Creates a file to write, with O_EXCL: none if the name is taken. Throws Error as open() does.
  static std::optional<File> create(const std::string& path, int flags = 0);

  int fd() const noexcept { return fd_.get(); }
  const std::string& path() const noexcept { return path_; }
  /// Writes all bytes. Throws Error: io, no_space; some bytes may then have been written.
  void write(std::string_view bytes) const;
  /// fsync. Throws Error.
  void sync() const;
  /// Closes, and throws what the destructor would swallow.
  void close();

 private:
  File(registry::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  registry::UniqueFd fd_;
  std::string path_;
};

/// Makes a finished temporary file the real one: fsync, rename, fsync of the folder. After it returns, the
/// file survives a crash; if it throws, the old file (if any) is still whole.
void publish(const std::string& temp_path, const std::string& path);
/// Writes a whole file under the temporary name beside `path`, which it returns: for publish(), which makes
/// it durable. Throws Error: io, no_space; nothing is left of it then.
std::string write_beside(const std::string& path, std::string_view text);
/// Writes a whole file that way and publishes it. Throws Error: io, no_space.
void write_file(const std::string& path, std::string_view text);
/// Reads a whole file. Throws Error: not_found, io.
std::string read_file(const std::string& path);
/// Reads a whole file piece by piece, in order. Throws Error: not_found, io.
void read_pieces(const std::string& path, const std::function<void(std::string_view)>& take);
void sync_folder(const std::string& path);

}  // namespace ditmill::jobs::results::durable
