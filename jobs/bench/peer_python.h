#pragma once

#include <string>

namespace ditmill::jobs::bench {

/// The Python that peers run in: $DITMILL_PYTHON, else that of the build, else the PATH's.
std::string peer_python();

}  // namespace ditmill::jobs::bench
