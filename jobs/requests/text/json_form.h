#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "registry/byte_source.h"

namespace ditmill::jobs::requests {

/// How a file of JSON holds its prompts.
enum class JsonForm {
  lines,        ///< {"prompt": ...} a line, as a list has them
  objects,      ///< the same over several lines each
  array,        ///< [{"prompt": ...}, ...], or under a key: {"prompts": [{...}, ...]}
  texts,        ///< ["a cat", ...], or under a key
  by_id,        ///< {"0001": {"prompt": ...}, ...}
  texts_by_id,  ///< {"0001": "a cat", ...}
  columns,      ///< {"prompt": {"0": "a cat", ...}, ...}, as pandas writes a data frame
  unknown,
};

struct JsonShape {
  JsonForm form = JsonForm::unknown;
  std::string key = {};     ///< the list is under; empty: the list is all
  std::string prompt = {};  ///< what a record calls its prompt; empty: not found
};

/// The first bytes of a file, enough for json_shape(). Throws Error(io).
std::string beginning_of(const registry::ByteSource& file);
/// The form of a file that begins like this. Reads it as far as its first record; more is not needed.
JsonShape json_shape(std::string_view beginning);
/// What the file is and has to be, and the command that makes a list of it (by jq and, where it can be said
/// in a line, by Python). Of `lines` it renames the prompt.
std::string remedy_for(const JsonShape& shape, const std::string& file);
/// What a line that is no JSON was likely meant to be, and what to do about it.
struct JsonCure {
  std::string message;
  std::string remedy;
};
/// None if the fault at `offset` is not one that other tools make: NaN, Python's quotes and words, curly
/// quotes, commas after the last.
std::optional<JsonCure> cure_of(std::string_view line, std::size_t offset, const std::string& file);

}  // namespace ditmill::jobs::requests
