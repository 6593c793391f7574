#include "jobs/submit/staging/program_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "configs/error.h"
#include "jobs/results/export/video_abi.h"
#include "slurm/command.h"

namespace ditmill::jobs::submit {
namespace {

namespace fs = std::filesystem;

bool is_of_system(std::string_view path) {
  static constexpr std::array<std::string_view, 4> folders{"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"};
  return std::ranges::any_of(folders, [path](std::string_view folder) { return path.starts_with(folder); });
}

/// Collects files; a second name of one that it has becomes a link.
class Collection {
 public:
  void add(const fs::path& from, const fs::path& to) {
    if (!targets_.insert(to).second) return;
    const fs::path whole = fs::canonical(from);
    const auto [first, is_new] = first_.emplace(whole, to.filename());
    files_.push_back({.from = whole, .to = to, .link = is_new ? "" : first->second});
  }
  /// A library, and those beside it that its name says belong to it.
  void add_library(const std::string& name, const fs::path& path, const fs::path& to) {
    add(path, to / name);
    const std::string stem = name.substr(0, name.find(".so"));
    for (const fs::path& folder : {path.parent_path(), fs::canonical(path).parent_path()}) {
      for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        const std::string beside = entry.path().filename();
        if (beside.starts_with(stem) && beside.find(".so") != std::string::npos && entry.is_regular_file()) {
          add(entry.path(), to / beside);
        }
      }
    }
  }
  std::vector<StageFile> take() { return std::move(files_); }

 private:
  std::set<fs::path> targets_;
  std::map<fs::path, std::string> first_;
  std::vector<StageFile> files_;
};

}  // namespace

std::map<std::string, std::string> parse_libraries(std::string_view ldd, const std::string& program) {
  std::map<std::string, std::string> libraries;
  while (!ldd.empty()) {
    std::string_view line = ldd.substr(0, ldd.find('\n'));
    ldd.remove_prefix(std::min(ldd.size(), line.size() + 1));
    static constexpr std::string_view arrow = " => ";
    const std::size_t at = line.find(arrow);
    if (at == std::string_view::npos) continue;  // the loader, and what the kernel brings
    line.remove_suffix(line.size() - std::min(line.size(), line.find(" (0x")));
    const std::string_view name =
        line.substr(line.find_first_not_of(" \t"), at - line.find_first_not_of(" \t"));
    const std::string_view path = line.substr(at + arrow.size());
    if (!path.starts_with('/')) {
      throw Error{Category::io,           "find the libraries of a program",
                  Where{.file = program}, Expected{std::string{name}},
                  Got{printable(path)},   "load the modules that it was built with (slurm.modules)"};
    }
    if (!is_of_system(path)) libraries.emplace(name, path);
  }
  return libraries;
}

std::vector<StageFile> program_files(const std::string& ditmill, const std::string& engine,
                                     const std::string& folder) {
  Collection collection;
  const fs::path home = folder + fs::path{ditmill}.parent_path().string();
  std::vector<std::pair<fs::path, fs::path>> programs{{ditmill, home / fs::path{ditmill}.filename()},
                                                      {engine, home / "ditmill-engine"}};
  const fs::path video = fs::path{ditmill}.parent_path() / results::video_abi::library_file;
  if (fs::exists(video)) programs.emplace_back(video, home / results::video_abi::library_file);
  try {
    for (const auto& [from, to] : programs) {
      collection.add(from, to);
      for (const auto& [name, path] : parse_libraries(slurm::insist({"ldd", from}).out, from)) {
        collection.add_library(name, path, home / "lib");
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw system_error(error.code().value(), "find the libraries of ditmill",
                       Where{.file = error.path1().string()});
  }
  return collection.take();
}

}  // namespace ditmill::jobs::submit
