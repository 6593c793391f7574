#include "registry/formats/json_document.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "registry/formats/json_scanner.h"

namespace ditmill::registry {
namespace {

nlohmann::json parse_number(JsonScanner& scanner) {
  const std::uint64_t start = scanner.offset();
  const std::string_view text = scanner.number();
  const char* end = text.data() + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos && text != "-0") {
    std::int64_t whole = 0;
    if (std::from_chars(text.data(), end, whole).ec == std::errc{}) return whole;
    std::uint64_t large = 0;
    if (std::from_chars(text.data(), end, large).ec == std::errc{}) return large;
  }
  double value = 0;
  const std::errc error = std::from_chars(text.data(), end, value).ec;
  if (error == std::errc::result_out_of_range &&
      std::abs(std::strtod(std::string{text}.c_str(), nullptr)) < 1) {
    return 0.0;
  }
  if (error != std::errc{}) scanner.fail(start, "a number that a double can hold", scanner.shown(start));
  return value;
}

nlohmann::json parse_value(JsonScanner& scanner) {
  nlohmann::json value;
  switch (scanner.peek()) {
    case JsonKind::object:
      value = nlohmann::json::object();
      scanner.begin_object();
      while (scanner.next_member()) {
        std::string key = scanner.key();
        value[std::move(key)] = parse_value(scanner);
      }
      break;
    case JsonKind::array:
      value = nlohmann::json::array();
      scanner.begin_array();
      while (scanner.next_element()) value.push_back(parse_value(scanner));
      break;
    case JsonKind::string:
      value = scanner.string();
      break;
    case JsonKind::number:
      value = parse_number(scanner);
      break;
    case JsonKind::boolean:
      value = scanner.boolean();
      break;
    case JsonKind::null:
      scanner.null();
      break;
  }
  return value;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& doing, const std::string& file) {
  JsonScanner scanner{text, doing, file};
  nlohmann::json value = parse_value(scanner);
  scanner.finish();
  return value;
}

}  // namespace ditmill::registry
