#pragma once

#include <memory>
#include <string>

#include "models/text/tokenizer.h"

namespace ditmill::models {

/// The tokenizer that the bytes of a tokenizer.json or of a spiece.model describe; their content tells which.
/// Throws Error(bad_input) for neither, Error(unsupported) for a tokenizer.json that asks for what we lack.
std::unique_ptr<const Tokenizer> make_tokenizer(const std::string& bytes);

/// The tokenizer of a file. Throws as make_tokenizer() does, naming the file and, where it shows, what it is
/// instead (a git-lfs pointer, a web page, empty); not_found, io.
std::unique_ptr<const Tokenizer> read_tokenizer(const std::string& path);

}  // namespace ditmill::models
