#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "registry/byte_source.h"

namespace ditmill::jobs::requests {

/// Cuts a file into lines without ever holding more of it than a line and a buffer. A byte order mark at the
/// start is skipped; a line ends with LF, or the file does; a CR before the LF (or at the end) is not part of
/// the line.
class LineReader {
 public:
  static constexpr std::size_t default_max_line = std::size_t{1} << 20;

  /// `source` outlives the reader; `max_line` in bytes.
  explicit LineReader(const registry::ByteSource& source, std::size_t max_line = default_max_line);

  /// The next line, valid until the next call; false at the end. Throws Error(io), and Error(bad_input)
  /// naming the line if it is longer than that.
  bool next(std::string_view& line);
  int line() const noexcept { return line_; }               ///< number of that line, from 1
  bool terminated() const noexcept { return terminated_; }  ///< whether it ended with a newline
  /// What it ended with: LF, CRLF, or nothing.
  std::string_view line_end() const noexcept;

 private:
  bool fill();

  const registry::ByteSource* source_;
  std::size_t max_line_;
  std::uint64_t offset_ = 0;
  std::string buffer_;
  std::size_t at_ = 0;
  std::string line_text_;
  int line_ = 0;
  bool terminated_ = false;
};

/// The column, from 1 and counted in characters, of a byte offset in a line of UTF-8.
int column_at(std::string_view line, std::size_t offset) noexcept;
/// Whether a text holds nothing but Unicode white space.
bool is_blank(std::string_view text) noexcept;

}  // namespace ditmill::jobs::requests
