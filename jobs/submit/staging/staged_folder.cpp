#include "jobs/submit/staging/staged_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>

#include "configs/error.h"
#include "configs/size_text.h"
#include "dist/liveness/process.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/free_space.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::submit {
namespace {

namespace fs = std::filesystem;

/// One stream seldom takes all that a parallel file system gives.
constexpr std::size_t most_copiers = 4;

std::string doing() { return "stage files on " + dist::this_process().host; }

[[noreturn]] void fail(const std::string& file, int error) {
  throw system_error(error, doing(), Where{.file = file});
}

void make_folders(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure) fail(path, failure.value());
}

/// This user's folder, held against all others who stage into it or remove it.
class HeldFolder {
 public:
  enum class Wait { yes, no };
  /// Makes it, if need be.
  HeldFolder(const fs::path& folder, Wait wait) : wait_(wait) {
    while (!try_to_hold(folder)) {
    }
  }

  /// Without waiting: whether nobody else holds it.
  bool is_held() const noexcept { return !busy_; }

 private:
  static void require_own(const fs::path& folder) {
    struct stat status {};
    if (::lstat(folder.c_str(), &status) != 0) return;  // removed by now: try_to_hold() finds that out
    const bool own = S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
    if (own && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return;
    throw Error{Category::usage,
                doing(),
                Where{.file = folder},
                Expected{"a folder that nobody but you may write to"},
                Got{own ? "others may" : "it is somebody else's, or no folder"},
                "name a folder of your own: $USER stands for your name in slurm.stage"};
  }

  bool try_to_hold(const fs::path& folder) {
    make_folders(folder.parent_path());
    if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) fail(folder, errno);
    require_own(folder);
    const fs::path lock = folder / ".lock";
    lock_ = registry::UniqueFd{::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!lock_) return errno == ENOENT ? false : (fail(lock, errno), false);
    while (::flock(lock_.get(), wait_ == Wait::yes ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
      busy_ = errno == EWOULDBLOCK;
      if (busy_) return true;
      if (errno != EINTR) fail(lock, errno);
    }
    // Whoever held it may have removed the folder.
    struct stat held {};
    struct stat there {};
    return ::fstat(lock_.get(), &held) == 0 && ::stat(lock.c_str(), &there) == 0 &&
           held.st_ino == there.st_ino && held.st_dev == there.st_dev;
  }

  Wait wait_;
  bool busy_ = false;
  registry::UniqueFd lock_;
};

fs::path marks_of(const fs::path& folder) { return folder / ".jobs"; }

bool is_copied(const StageFile& file, const registry::FileStamp& stamp) {
  std::error_code failure;
  if (!file.link.empty()) return fs::read_symlink(file.to, failure) == file.link;
  if (!fs::is_regular_file(fs::symlink_status(file.to, failure))) return false;
  const registry::FileStamp copy = registry::file_stamp(file.to);
  return copy.size == stamp.size && copy.mtime_ns == stamp.mtime_ns;
}

void copy_file(const StageFile& file) {
  const std::string temp = file.to + std::string{results::durable::temp_suffix};
  make_folders(fs::path{file.to}.parent_path());
  std::error_code failure;
  fs::remove(temp, failure);
  struct stat status {};
  if (::stat(file.from.c_str(), &status) != 0) fail(file.from, errno);
  if (!file.link.empty()) {
    fs::create_symlink(file.link, temp, failure);
  } else {
    fs::copy_file(file.from, temp, failure);
    const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
    if (!failure && ::utimensat(AT_FDCWD, temp.c_str(), times.data(), 0) != 0) fail(temp, errno);
  }
  if (!failure) fs::rename(temp, file.to, failure);
  if (failure) {
    std::error_code ignored;
    fs::remove(temp, ignored);
    fail(file.to, failure.value());
  }
}

void copy_all(const std::vector<const StageFile*>& files) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < files.size(); i = next++) copy_file(*files[i]);
    } catch (...) {
      next = files.size();
      throw;
    }
  };
  std::vector<std::future<void>> copiers;
  for (std::size_t i = 0; i < std::min(most_copiers, files.size()); ++i) {
    copiers.push_back(std::async(std::launch::async, work));
  }
  for (std::future<void>& copier : copiers) copier.get();
}

void require_room(const fs::path& folder, std::uint64_t needed) {
  const std::uint64_t free = results::free_bytes(folder);
  if (free >= needed) return;
  throw Error{
      Category::no_space,
      doing(),
      Where{.file = folder},
      Expected{"room for " + gigabytes(needed)},
      Got{gigabytes(free) + ", " + gigabytes(needed - free) + " too little"},
      "name another folder in slurm.stage, or leave out the weights: stage: {to: ..., weights: false}"};
}

}  // namespace

Staged stage_files(const std::string& folder, const std::vector<StageFile>& files, const std::string& job) {
  const auto began = std::chrono::steady_clock::now();
  const HeldFolder held{folder, HeldFolder::Wait::yes};
  if (!job.empty()) {
    make_folders(marks_of(folder));
    results::durable::File::open(marks_of(folder) / job, O_WRONLY | O_CREAT).close();
  }
  Staged staged;
  std::vector<const StageFile*> left;
  for (const StageFile& file : files) {
    const registry::FileStamp stamp = registry::file_stamp(file.from);
    const std::uint64_t bytes = file.link.empty() ? stamp.size : 0;
    const bool there = is_copied(file, stamp);
    (there ? staged.present_bytes : staged.copied_bytes) += bytes;
    if (!there) left.push_back(&file);
  }
  require_room(folder, staged.copied_bytes);
  copy_all(left);
  staged.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return staged;
}

std::vector<std::string> unstage_files(const std::string& folder, const std::string& job,
                                       const std::function<bool(const std::string& job)>& lives) {
  if (!fs::exists(folder)) return {};
  const HeldFolder held{folder, HeldFolder::Wait::no};  // a job that ends has no time
  std::vector<std::string> users;
  std::error_code failure;
  if (!held.is_held()) {
    if (!job.empty()) fs::remove(marks_of(folder) / job, failure);
    return {"one who stages there now"};
  }
  for (const fs::directory_entry& mark : fs::directory_iterator(marks_of(folder), failure)) {
    const std::string user = mark.path().filename();
    if (user != job && lives(user)) {
      users.push_back("job " + user);
    } else {
      fs::remove(mark.path(), failure);
    }
  }
  if (!users.empty()) return users;
  // Away in one step: who waits for the lock then makes a new folder.
  const std::string gone = fmt::format("{}.{}.gone", folder, ::getpid());
  fs::rename(folder, gone, failure);
  if (failure) fail(folder, failure.value());
  fs::remove_all(gone, failure);
  if (failure) fail(gone, failure.value());
  return {};
}

}  // namespace ditmill::jobs::submit
