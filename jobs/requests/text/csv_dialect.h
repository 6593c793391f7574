#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ditmill::jobs::requests {

/// What a first line says of a table that is not separated by commas.
struct CsvDialect {
  std::string message;
  std::string remedy;  ///< with a command that makes it so
};

/// The dialect of a table that begins with `line`: separated by semicolons, tabs or bars, or with the `sep=;`
/// that Excel reads and writes. None: commas, or no table.
std::optional<CsvDialect> other_dialect(std::string_view line, const std::string& file);
/// The command that makes a list.csv of a table that is separated by that.
std::string with_commas(char separator, const std::string& file);

}  // namespace ditmill::jobs::requests
