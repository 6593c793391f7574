#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "configs/error.h"

namespace ditmill::jobs::results {

enum class Event : std::uint8_t {
  start,
  done,
  failed,
  quarantined,
  stopped,  ///< its group was told to stop
  crashed,  ///< it was in hand of a rank that died by its own fault
};
/// The word for it in journals and JSON. There a crash is a `stopped` whose reason says so (reason_text()).
std::string_view name(Event event) noexcept;
/// Never `crashed`: that takes the reason, too.
std::optional<Event> event_named(std::string_view name) noexcept;

/// One line of a journal (FORMAT.md).
struct Record {
  double time = 0;  ///< seconds since 1970; the line keeps three decimals
  Event event = Event::start;
  std::string item = {};
  std::string key = {};
  int attempt = 1;
  std::string part = {};                  ///< done: relative to the run directory
  std::uint64_t part_bytes = 0;           ///< done: the part's size
  std::string part_hash = {};             ///< done: XXH3-128 of the whole part, hex; empty: not known
  std::string content = {};               ///< done: XXH3-128 of the item's stored bytes, hex
  std::optional<Category> category = {};  ///< `class`: failed, quarantined, stopped, where it is known
  std::string reason = {};                ///< failed, quarantined, stopped; crashed: what died, and how

  bool operator==(const Record&) const = default;
};

/// The reason as a line has it, and as people are shown it: that of a crash begins with `crash: `.
std::string reason_text(const Record& record);
/// What the journal gives as the reason of an item that an error failed: "CLASS: message".
std::string reason_of(const Error& error);
/// The class of a failure; where an older version wrote the line, the word that its reason begins with.
std::optional<Category> category_of(const Record& record);
/// The category of a line's `class`; none for a word that this version does not know.
std::optional<Category> category_of_class(std::string_view word) noexcept;
/// For who reads lines: makes a crash of a `stopped` whose reason says so.
void settle_crash(Record& record);
/// Whether a path can only lead below the run directory's parts: journals are files that others could edit.
bool is_part_path(std::string_view path) noexcept;

/// Now, as Record::time counts it.
double journal_time();

/// The line, with its CRC-32C and newline. Bytes of `reason` that are not UTF-8 become U+FFFD.
std::string to_line(const Record& record);
/// The record of a line without its newline; none if the line is damaged, and then `why` says how.
std::optional<Record> from_line(std::string_view line, std::string& why);

}  // namespace ditmill::jobs::results
