#include "jobs/results/journal/record.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/choice.h"
#include "configs/hex.h"
#include "jobs/results/journal/crc32c.h"

namespace ditmill::jobs::results {
namespace {

using nlohmann::json;

constexpr int format_version = 1;
constexpr std::string_view crc_field = ",\"crc\":\"";
constexpr std::size_t crc_digits = 8;
constexpr std::size_t trailer_size = crc_field.size() + crc_digits + 2;  // and "}

constexpr std::string_view crash_reason = "crash: ";

// The first of a word is the one that it stands for.
constexpr std::array<configs::Choice<Event>, 6> events{{{"start", Event::start},
                                                        {"done", Event::done},
                                                        {"failed", Event::failed},
                                                        {"quarantined", Event::quarantined},
                                                        {"stopped", Event::stopped},
                                                        {"stopped", Event::crashed}}};

std::string json_string(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string decimal(double time) {
  std::array<char, 64> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), time, std::chars_format::fixed, 3);
  return {buffer.data(), result.ptr};
}

std::string crc_text(std::uint32_t crc) {
  std::string text;
  append_hex(text, crc, crc_digits);
  return text;
}

bool take_string(const json& object, const char* field, std::string& out) {
  const auto found = object.find(field);
  if (found == object.end()) return true;
  if (!found->is_string()) return false;
  out = found->get<std::string>();
  return true;
}

}  // namespace

std::string_view name(Event event) noexcept { return configs::word_of(events, event); }

std::optional<Event> event_named(std::string_view name) noexcept {
  return configs::value_of<Event>(events, name);
}

bool is_part_path(std::string_view path) noexcept {
  return path.starts_with("parts/") && path.find("..") == std::string_view::npos &&
         path.find('\0') == std::string_view::npos;
}

std::string reason_text(const Record& record) {
  return record.event == Event::crashed ? std::string{crash_reason} + record.reason : record.reason;
}

std::string reason_of(const Error& error) {
  return std::string{name(error.category())} + ": " + error.what();
}

std::optional<Category> category_of(const Record& record) {
  if (record.category) return record.category;
  const std::size_t colon = record.reason.find(": ");
  if (colon == std::string::npos) return std::nullopt;
  return category_of_class(std::string_view{record.reason}.substr(0, colon));
}

std::optional<Category> category_of_class(std::string_view word) noexcept {
  const Category category = category_named(word);
  return name(category) == word ? std::optional{category} : std::nullopt;
}

void settle_crash(Record& record) {
  if (record.event != Event::stopped || !record.reason.starts_with(crash_reason)) return;
  record.event = Event::crashed;
  record.reason.erase(0, crash_reason.size());
}

double journal_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) / 1000;
}

std::string to_line(const Record& record) {
  std::string line = "{\"v\":" + std::to_string(format_version) + ",\"time\":" + decimal(record.time) +
                     ",\"event\":\"" + std::string(name(record.event)) +
                     "\",\"item\":" + json_string(record.item) + ",\"key\":" + json_string(record.key) +
                     ",\"attempt\":" + std::to_string(record.attempt);
  if (record.event == Event::done) {
    line += ",\"part\":" + json_string(record.part) + ",\"bytes\":" + std::to_string(record.part_bytes);
    if (!record.part_hash.empty()) line += ",\"part_hash\":" + json_string(record.part_hash);
    line += ",\"content\":" + json_string(record.content);
  }
  if (record.category) line += ",\"class\":" + json_string(name(*record.category));
  if (const std::string reason = reason_text(record); !reason.empty()) {
    line += ",\"reason\":" + json_string(reason);
  }
  const std::uint32_t crc = crc32c(line);
  line += std::string(crc_field) + crc_text(crc) + "\"}\n";
  return line;
}

std::optional<Record> from_line(std::string_view line, std::string& why) {
  const auto damaged = [&why](const char* reason) {
    why = reason;
    return std::nullopt;
  };
  if (line.size() < trailer_size || !line.ends_with("\"}")) return damaged("the line has no crc at its end");
  const std::string_view body = line.substr(0, line.size() - trailer_size);
  const std::string_view trailer = line.substr(body.size());
  if (!trailer.starts_with(crc_field)) return damaged("the line has no crc at its end");
  if (trailer.substr(crc_field.size(), crc_digits) != crc_text(crc32c(body)))
    return damaged("its crc does not match");

  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return damaged("it is no JSON object");
  if (object.value("v", json()) != format_version) return damaged("it is of another format version");

  Record record;
  const auto time = object.find("time");
  const auto attempt = object.find("attempt");
  const auto bytes = object.find("bytes");
  std::string event;
  std::string category;
  if (time == object.end() || !time->is_number() || attempt == object.end() ||
      !attempt->is_number_integer() || !take_string(object, "event", event) ||
      !take_string(object, "item", record.item) || !take_string(object, "key", record.key) ||
      !take_string(object, "part", record.part) || !take_string(object, "part_hash", record.part_hash) ||
      !take_string(object, "content", record.content) || !take_string(object, "class", category) ||
      !take_string(object, "reason", record.reason)) {
    return damaged("a field is missing or of the wrong type");
  }
  const auto known = event_named(event);
  if (!known) return damaged("its event is unknown");
  record.event = *known;
  record.category = category_of_class(category);
  settle_crash(record);
  record.time = time->get<double>();
  const auto attempts = attempt->get<std::int64_t>();
  if (attempts < 0 || attempts > 1'000'000'000) return damaged("its attempt is out of range");
  record.attempt = static_cast<int>(attempts);
  if (record.event == Event::done) {
    if (bytes == object.end() || !bytes->is_number_unsigned())
      return damaged("a done line without the part's bytes");
    if (!is_part_path(record.part)) return damaged("its part is no path below parts/");
    record.part_bytes = bytes->get<std::uint64_t>();
  }
  return record;
}

}  // namespace ditmill::jobs::results
