#include "jobs/bench/peer_python.h"

#include <unistd.h>

#include <cstdlib>

namespace ditmill::jobs::bench {

std::string peer_python() {
  if (const char* named = std::getenv("DITMILL_PYTHON")) return named;
  return access(DITMILL_BUILD_PYTHON, X_OK) == 0 ? DITMILL_BUILD_PYTHON : "python3";
}

}  // namespace ditmill::jobs::bench
