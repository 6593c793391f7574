#include "registry/tools/new_folder.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "registry/formats/new_file.h"

namespace ditmill::registry {

namespace fs = std::filesystem;

NewFolder::NewFolder(std::string path) : path_(std::move(path)), unfinished_(path_ + ".tmp") {
  refuse_existing(path_);
  fs::remove_all(unfinished_);
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  fs::remove_all(unfinished_, ignored);
}

void NewFolder::publish() { fs::rename(unfinished_, path_); }

void NewFolder::settle(std::string& file) const {
  if (!file.empty()) file.replace(0, unfinished_.size(), path_);
}

}  // namespace ditmill::registry
