#pragma once

#include <string>

namespace ditmill::jobs::submit {

/// ditmill-engine: beside this executable, else $DITMILL_ENGINE. Throws Error(not_found) naming both.
std::string engine_path();

/// Replaces this process by the engine, with the same arguments. Throws Error if that fails.
[[noreturn]] void become_engine(char** argv);

}  // namespace ditmill::jobs::submit
