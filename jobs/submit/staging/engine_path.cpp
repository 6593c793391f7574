#include "jobs/submit/staging/engine_path.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "configs/error.h"

namespace ditmill::jobs::submit {

std::string engine_path() {
  std::error_code failure;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failure);
  const std::string beside = (self.parent_path() / "ditmill-engine").string();
  if (access(beside.c_str(), X_OK) == 0) return beside;
  const char* named = std::getenv("DITMILL_ENGINE");
  if (named != nullptr && access(named, X_OK) == 0) return named;
  throw Error{Category::not_found,
              "find ditmill-engine",
              Where{.file = beside},
              Expected{"an executable there, or at $DITMILL_ENGINE"},
              Got{named == nullptr ? "neither; DITMILL_ENGINE is not set" : "neither"},
              "build it with ./setup build, or install it beside ditmill"};
}

void become_engine(char** argv) {
  const std::string engine = engine_path();
  execv(engine.c_str(), argv);
  throw system_error(errno, "start ditmill-engine", Where{.file = engine});
}

}  // namespace ditmill::jobs::submit
