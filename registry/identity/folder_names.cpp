#include "registry/identity/folder_names.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "configs/error.h"

namespace ditmill::registry {

namespace fs = std::filesystem;

bool is_leftover(std::string_view name) {
  return name.starts_with('.') || name.ends_with('~') || name == "__MACOSX";
}

std::vector<std::string> names_in(const std::string& folder, bool hidden) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entries{folder, error};
  for (; !error && entries != fs::directory_iterator{}; entries.increment(error)) {
    std::string name = entries->path().filename().native();
    if (hidden || !is_leftover(name)) names.push_back(std::move(name));
  }
  if (error) throw system_error(error.value(), "list a folder", Where{.file = folder});
  std::ranges::sort(names);
  return names;
}

bool is_there(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string inside(std::string_view folder, std::string_view name) {
  return (fs::path{folder} / name).native();
}

}  // namespace ditmill::registry
