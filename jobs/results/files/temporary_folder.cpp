#include "jobs/results/files/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "configs/error.h"

namespace ditmill::jobs::results {

TemporaryFolder::TemporaryFolder(const std::string& prefix) : path_(prefix + "XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) throw system_error(errno, "make a folder", Where{.file = path_});
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace ditmill::jobs::results
