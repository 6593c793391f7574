#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/submit/staging/staged_folder.h"

namespace ditmill::jobs::submit {

/// Where the loader finds the shared libraries of a program, by name: what `ldd` printed. Those of the
/// system's own folders are left out. Throws Error(io) naming one that is found nowhere.
std::map<std::string, std::string> parse_libraries(std::string_view ldd, const std::string& program);

/// What makes a copy of ditmill run by itself: both executables and the library that encodes video in one
/// folder, and in `lib` below it, where they look first, the libraries that they load and those that these
/// may open later (libcudnn.so.9: libcudnn_ops.so.9). `folder` is where the copy of / is. Throws Error.
std::vector<StageFile> program_files(const std::string& ditmill, const std::string& engine,
                                     const std::string& folder);

}  // namespace ditmill::jobs::submit
