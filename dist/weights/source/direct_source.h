#pragma once

#include <memory>
#include <string>

#include "registry/byte_source.h"

namespace ditmill::dist {

/// A file that is read past the page cache (O_DIRECT), where its file system can and offset and buffer are
/// on page boundaries; else as registry::open_file() reads it. Throws as that.
std::unique_ptr<registry::ByteSource> open_direct(const std::string& path);

}  // namespace ditmill::dist
