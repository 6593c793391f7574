#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/requests/text/line_reader.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::results {

/// The lines of a run directory's requests.jsonl, holding one at a time. The file is published whole: a line
/// that is not as append_frozen_item() writes it is damage.
class FrozenLines {
 public:
  /// None if there is no such file. `doing` is what the errors of lines say. Throws Error: bad_input for what
  /// is no regular file, io.
  static std::optional<FrozenLines> open(const std::string& path, const char* doing);

  /// As LineReader::next(), of lines of at most 16 MiB.
  bool next(std::string_view& line) { return lines_.next(line); }
  int line() const noexcept { return lines_.line(); }               ///< number of that line, from 1
  bool terminated() const noexcept { return lines_.terminated(); }  ///< whether it ended with a newline
  /// Throws Error(bad_input) naming that line.
  [[noreturn]] void refuse(std::string expected, std::string got) const;

 private:
  FrozenLines(std::unique_ptr<registry::ByteSource> source, const char* doing);

  std::unique_ptr<registry::ByteSource> source_;
  requests::LineReader lines_;
  const char* doing_;
};

}  // namespace ditmill::jobs::results
