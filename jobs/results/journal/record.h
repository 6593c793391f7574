#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ditmill::jobs::results {

enum class Event { start, done, failed, quarantined, stopped };
std::string_view name(Event event) noexcept;
std::optional<Event> event_named(std::string_view name) noexcept;

/// One line of a journal (jobs/results/journal/FORMAT.md).
struct Record {
  double time = 0;  ///< seconds since 1970; the line keeps three decimals
  Event event = Event::start;
  std::string item = {};
  std::string key = {};
  int attempt = 1;
  std::string part = {};         ///< done: relative to the run directory
  std::uint64_t part_bytes = 0;  ///< done: the part's size
  std::string part_hash = {};    ///< done: XXH3-128 of the whole part, hex; empty: not known
  std::string content = {};      ///< done: XXH3-128 of the item's stored bytes, hex
  std::string reason = {};       ///< failed, quarantined, stopped

  bool operator==(const Record&) const = default;
};

/// What the reason of a `stopped` begins with where the attempt killed its rank.
inline constexpr std::string_view crash_reason = "crash: ";
/// Whether a path can only lead below the run directory's parts: journals are files that others could edit.
bool is_part_path(std::string_view path) noexcept;
/// Whether the record says so.
bool is_crash(const Record& record) noexcept;

/// Now, as Record::time counts it.
double journal_time();

/// The line, with its CRC-32C and newline. Bytes of `reason` that are not UTF-8 become U+FFFD.
std::string to_line(const Record& record);
/// The record of a line without its newline; none if the line is damaged, and then `why` says how.
std::optional<Record> from_line(std::string_view line, std::string& why);

}  // namespace ditmill::jobs::results
