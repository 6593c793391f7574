#include "jobs/results/journal/record_scan.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "configs/hex.h"
#include "jobs/results/journal/crc32c.h"

namespace ditmill::jobs::results {
namespace {

/// A line as its fields are taken off its front.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  bool skip(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  /// What stands before the closing quote. Only plain ASCII: the rest, escapes too, is left to from_line().
  bool text(std::string_view& out) {
    const std::size_t end = rest_.find('"');
    if (end == std::string_view::npos) return false;
    out = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return std::all_of(out.begin(), out.end(), [](char c) { return c >= ' ' && c < 0x7f && c != '\\'; });
  }

  template <typename T>
  bool number(T& out) {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return false;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }

  std::size_t left() const noexcept { return rest_.size(); }

 private:
  std::string_view rest_;
};

}  // namespace

bool scan_line(std::string_view line, Record& record) {
  Cursor at(line);
  std::string_view event;
  std::string_view item;
  std::string_view key;
  std::string_view part;
  std::string_view hash;
  std::string_view content;
  std::string_view category;
  std::string_view reason;
  std::string_view crc;
  std::uint32_t attempt = 0;
  if (!at.skip("{\"v\":1,\"time\":") || !at.number(record.time) || !at.skip(",\"event\":\"") ||
      !at.text(event) || !at.skip(",\"item\":\"") || !at.text(item) || !at.skip(",\"key\":\"") ||
      !at.text(key) || !at.skip(",\"attempt\":") || !at.number(attempt) || attempt > 1'000'000'000) {
    return false;
  }
  const std::optional<Event> known = event_named(event);
  if (!known) return false;
  record.part_bytes = 0;
  if (*known == Event::done &&
      (!at.skip(",\"part\":\"") || !at.text(part) || !at.skip(",\"bytes\":") ||
       !at.number(record.part_bytes) || (at.skip(",\"part_hash\":\"") && !at.text(hash)) ||
       !at.skip(",\"content\":\"") || !at.text(content) || !is_part_path(part))) {
    return false;
  }
  if (at.skip(",\"class\":\"") && !at.text(category)) return false;
  if (at.skip(",\"reason\":\"") && !at.text(reason)) return false;
  const std::size_t covered = line.size() - at.left();
  std::uint32_t sum = 0;
  if (!at.skip(",\"crc\":\"") || !at.text(crc) || !at.skip("}") || at.left() > 0 || !is_hex(crc, 8)) {
    return false;
  }
  std::from_chars(crc.data(), crc.data() + crc.size(), sum, 16);
  if (sum != crc32c(line.substr(0, covered))) return false;
  record.event = *known;
  record.item = item;
  record.key = key;
  record.attempt = static_cast<int>(attempt);
  record.part = part;
  record.part_hash = hash;
  record.content = content;
  record.category = category_of_class(category);
  record.reason = reason;
  settle_crash(record);
  return true;
}

}  // namespace ditmill::jobs::results
