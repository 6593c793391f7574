#pragma once

#include <string>
#include <string_view>

#include "configs/error.h"
#include "registry/byte_source.h"

namespace ditmill::registry {

/// What a file seems to be that is not what its reader expects, as a hint what to do about it; empty if it is
/// not known.
std::string looks_like(const ByteSource& source);

/// The same, of what failed downloads leave only: a git-lfs pointer, a web page. For files that are no
/// weights.
std::string looks_like_failed_download(const ByteSource& source);

/// An error of reading text as JSON, with a hint where the text is something else (a git-lfs pointer, a page)
/// or is cut off.
Error with_json_hint(const Error& error, std::string_view text);
/// What `parse` returns; its Error gets such a hint.
template <typename Parse>
auto told_apart(std::string_view text, const Parse& parse) {
  try {
    return parse();
  } catch (const Error& error) {
    throw with_json_hint(error, text);
  }
}

}  // namespace ditmill::registry
