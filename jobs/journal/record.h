#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ditmill::jobs {

enum class Event { start, done, failed, quarantined, stopped };
std::string_view name(Event event) noexcept;

/// One line of a journal (jobs/journal/FORMAT.md).
struct Record {
  double time = 0;  ///< seconds since 1970
  Event event = Event::start;
  std::string item;
  std::string key;
  int attempt = 1;
  std::string part = {};     ///< done: relative to the run directory
  std::uint64_t part_bytes = 0;  ///< done: the part's size
  std::string content = {};  ///< done: XXH3-128 of the item's stored bytes, hex
  std::string reason = {};   ///< failed, stopped

  bool operator==(const Record&) const = default;
};

/// The line, with its CRC-32C and newline.
std::string to_line(const Record& record);

}  // namespace ditmill::jobs
