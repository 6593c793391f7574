#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/requests/items/item.h"
#include "jobs/requests/text/json_line.h"
#include "jobs/requests/text/line_reader.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::results {

/// What a list of results shows of a line of requests.jsonl.
struct FrozenHead {
  std::string id;
  std::string key;
  int width = 0;  ///< 0: the line does not tell
  int height = 0;
  int frames = 0;
};

/// The lines of a run directory's requests.jsonl, holding one at a time, and what they say: by as little of a
/// line as is needed. The file is published whole: a line that is not as append_frozen_item() writes it is
/// damage.
class FrozenLines {
 public:
  /// None if there is no such file. `doing` is what the errors of lines say. Throws Error: bad_input for what
  /// is no regular file, io.
  static std::optional<FrozenLines> open(const std::string& path, const char* doing);

  /// Goes to the next line, of at most 16 MiB; false at the end. Throws Error: io, bad_input.
  bool next() { return lines_.next(text_); }
  std::string_view text() const noexcept { return text_; }          ///< of that line, until the next call
  int line() const noexcept { return lines_.line(); }               ///< number of that line, from 1
  bool terminated() const noexcept { return lines_.terminated(); }  ///< whether it ended with a newline

  /// The following throw Error(bad_input), naming the line, if it does not hold what they are to give.
  /// The key, by the line's beginning where it is as it was written. Good until the next call.
  std::string_view key();
  /// `whole` becomes {id, key, request, metadata}. Takes no more than this: results of a list that `run`
  /// would refuse can still be had.
  FrozenHead head(nlohmann::json& whole) const;
  /// All of it.
  requests::Item item();
  /// Throws Error(bad_input) naming that line.
  [[noreturn]] void refuse(std::string expected, std::string got) const;

 private:
  FrozenLines(std::unique_ptr<registry::ByteSource> source, const char* doing);

  std::unique_ptr<registry::ByteSource> source_;
  requests::LineReader lines_;
  const char* doing_;
  std::string_view text_;
  std::string key_;                          ///< where it is no slice of the line
  std::vector<requests::JsonField> fields_;  ///< kept for its memory
};

}  // namespace ditmill::jobs::results
