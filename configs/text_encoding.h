#pragma once

#include <string>
#include <string_view>

namespace ditmill {

/// The encoding that a text of bytes other than UTF-8 begins like: "UTF-16", "UTF-16LE", "UTF-16BE"; "" for
/// any other.
std::string_view utf16_encoding(std::string_view beginning) noexcept;
/// The command that makes a file of an encoding UTF-8, beside the file.
std::string conversion(std::string_view encoding, const std::string& file);
/// `name` before the ending of a file's path: "list.csv" with "-utf8" is "list-utf8.csv".
std::string beside_file(const std::string& file, std::string_view name, std::string_view ending = {});

}  // namespace ditmill
