#include "jobs/run/merge/merge_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include "configs/error.h"

namespace ditmill::jobs::run {
namespace {

/// Beside what is built, from before it to after it: what is beside it may be removed, whenever a merge was
/// killed.
constexpr std::string_view merge_mark = ".ditmill-merge";

namespace fs = std::filesystem;

void refuse_existing(const std::string& path) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return;
  throw Error(Category::usage, "merge runs", Where{.file = path}, Expected{"a folder that is not there yet"},
              Got{"it exists"}, "name another --out");
}

void copy_file(const std::string& from, const std::string& to) {
  const results::durable::File source = results::durable::File::open(from, O_RDONLY);
  const std::string temp = to + std::string{results::durable::temp_suffix};
  results::durable::File copy = results::durable::File::open(temp, O_WRONLY | O_CREAT | O_TRUNC);
  std::vector<char> buffer(std::size_t{1} << 20);
  while (true) {
    const ssize_t count = ::read(source.fd(), buffer.data(), buffer.size());
    if (count == 0) break;
    if (count > 0) {
      copy.write({buffer.data(), static_cast<std::size_t>(count)});
    } else if (errno != EINTR) {
      throw system_error(errno, "read a file", Where{.file = from});
    }
  }
  copy.sync();
  copy.close();
  if (std::rename(temp.c_str(), to.c_str()) != 0)
    throw system_error(errno, "rename a copy", Where{.file = to});
}

}  // namespace

results::durable::File lock_folder(const std::string& path) {
  results::durable::File lock = results::durable::File::open(path, O_RDONLY | O_DIRECTORY);
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw Error(Category::io, "merge runs", Where{.file = path}, Expected{"no other merge at work on it"},
                Got{"another process holds its lock"});
  }
  return lock;
}

void sync_tree(const std::string& path) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (at->is_directory()) results::durable::sync_folder(at->path().string());
  }
  if (error) throw system_error(error.value(), "list a folder", Where{.file = path});
  results::durable::sync_folder(path);
}

BuildFolder::BuildFolder(std::string path)
    : final_(std::move(path)),
      place_(final_ + std::string{results::durable::temp_suffix}),
      built_(place_ + "/run") {
  refuse_existing(final_);
  std::error_code error;
  fs::create_directories(place_, error);
  if (error) throw system_error(error.value(), "make a folder", Where{.file = place_});
  lock_ = lock_folder(place_);
  const std::string mark = place_ + "/" + std::string{merge_mark};
  if (!fs::exists(mark) && !fs::is_empty(place_)) {
    throw Error(Category::usage, "merge runs", Where{.file = place_},
                Expected{"no such folder, or one that an earlier merge left"}, Got{"something else"},
                "move it away: the merged run is built there");
  }
  results::durable::File::open(mark, O_WRONLY | O_CREAT).close();
  results::durable::sync_folder(place_);
  fs::remove_all(built_, error);
  if (error) throw system_error(error.value(), "remove what an earlier merge left", Where{.file = built_});
}

BuildFolder::~BuildFolder() {
  std::error_code ignored;
  fs::remove_all(built_, ignored);  // before the mark
  fs::remove_all(place_, ignored);
}

void BuildFolder::publish() {
  sync_tree(built_);
  refuse_existing(final_);
  if (std::rename(built_.c_str(), final_.c_str()) != 0) {
    throw system_error(errno, "rename " + built_ + " to its final name", Where{.file = final_});
  }
  results::durable::sync_folder(fs::path(final_).parent_path().string());
}

bool link_or_copy(const std::string& from, const std::string& to, bool copy) {
  if (!copy) {
    if (::link(from.c_str(), to.c_str()) == 0) return true;
    const bool cannot =
        errno == EXDEV || errno == EPERM || errno == EMLINK || errno == ENOTSUP || errno == ENOSYS;
    if (!cannot) throw system_error(errno, "link " + from, Where{.file = to});
  }
  copy_file(from, to);
  return false;
}

std::optional<std::string> raise_epoch(std::string_view part, int by) {
  static constexpr std::string_view before = "parts/e";
  if (!part.starts_with(before)) return std::nullopt;
  const std::string_view rest = part.substr(before.size());
  int epoch = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), epoch);
  const std::string_view after = rest.substr(static_cast<std::size_t>(end - rest.data()));
  if (error != std::errc() || epoch < 0 || !after.starts_with("-g") ||
      after.find('/') == std::string_view::npos) {
    return std::nullopt;
  }
  std::string digits = std::to_string(epoch + by);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return std::string(before) + digits + std::string(after);
}

}  // namespace ditmill::jobs::run
