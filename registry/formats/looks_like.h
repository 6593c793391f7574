#pragma once

#include <string>

#include "registry/byte_source.h"

namespace ditmill::registry {

/// What a file seems to be that is not what its reader expects, as a hint what to do about it; empty if it is
/// not known.
std::string looks_like(const ByteSource& source);

/// The same, of what failed downloads leave only: a git-lfs pointer, a web page. For files that are no
/// weights.
std::string looks_like_failed_download(const ByteSource& source);

}  // namespace ditmill::registry
