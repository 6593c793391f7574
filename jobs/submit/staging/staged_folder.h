#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ditmill::jobs::submit {

/// A file to be copied.
struct StageFile {
  std::string from;
  std::string to;
  std::string link = {};  ///< the copy is a link to this name beside it; empty: it holds the bytes
};

/// What a staging did.
struct Staged {
  std::uint64_t copied_bytes = 0;
  std::uint64_t present_bytes = 0;  ///< of copies that were there, and are still those of their files
  double seconds = 0;
};

/// Brings files into a folder of this user's alone on this machine's own disk, and marks it as used by a job
/// (empty: by none). A copy of the file's size and time is used as it is; another is replaced, whole or not
/// at all. Others who stage into the folder wait. Throws Error: usage where the folder is somebody else's,
/// no_space before anything is copied, io; each names this machine.
Staged stage_files(const std::string& folder, const std::vector<StageFile>& files, const std::string& job);

/// Removes the folder, unless a job that `lives` is marked there, other than `job`, or somebody is staging
/// into it; returns who that is, in words.
std::vector<std::string> unstage_files(const std::string& folder, const std::string& job,
                                       const std::function<bool(const std::string& job)>& lives);

}  // namespace ditmill::jobs::submit
