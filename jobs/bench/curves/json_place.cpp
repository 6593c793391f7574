#include "jobs/bench/curves/json_place.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;

constexpr const char* reads_load = "read what bench load measured";
constexpr const char* cure = "`ditmill bench load --json --out FILE` and `bench sweep --out FILE` write such";

}  // namespace

json parse_json(const std::string& path, const std::string& text) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    const auto line = std::count(text.begin(), end, '\n');
    const auto last = std::find(std::make_reverse_iterator(end), text.rend(), '\n');
    throw Error{Category::bad_input,
                reads_load,
                Where{.file = path,
                      .offset = error.byte,
                      .line = static_cast<int>(line) + 1,
                      .column = static_cast<int>(end - last.base())},
                Expected{"JSON"},
                Got{text.empty() ? "an empty file" : "something else"},
                cure};
  }
}

JsonPlace::JsonPlace(const std::string& file, const json& value) : JsonPlace(file, value, "") {}
JsonPlace::JsonPlace(const std::string& file, const json& value, std::string place)
    : file_(&file), value_(&value), place_(std::move(place)) {}

bool JsonPlace::is_null() const { return value_->is_null(); }
bool JsonPlace::is_array() const { return value_->is_array(); }
bool JsonPlace::has(const std::string& key) const { return value_->is_object() && value_->contains(key); }

void JsonPlace::refuse(const std::string& expected) const {
  throw Error{Category::bad_input,
              reads_load,
              Where{.file = *file_, .key = place_},
              Expected{expected},
              Got{printable(value_->dump(-1, ' ', false, json::error_handler_t::replace), max_shown)},
              cure};
}

JsonPlace JsonPlace::at(const std::string& key) const {
  if (!has(key)) refuse("an object with " + key);
  return {*file_, (*value_)[key], place_.empty() ? key : place_ + "." + key};
}

void JsonPlace::for_each(const std::function<void(const JsonPlace&)>& work) const {
  if (!is_array()) refuse("an array");
  for (std::size_t i = 0; i < value_->size(); ++i)
    work(JsonPlace{*file_, (*value_)[i], place_ + "[" + std::to_string(i) + "]"});
}

std::string JsonPlace::text() const {
  if (!value_->is_string()) refuse("text");
  return printable(value_->get<std::string>(), 500);
}

bool JsonPlace::flag() const {
  if (!value_->is_boolean()) refuse("true or false");
  return value_->get<bool>();
}

double JsonPlace::number() const {
  if (!value_->is_number() || !std::isfinite(value_->get<double>()) || value_->get<double>() < 0)
    refuse("a number, 0 or more");
  return value_->get<double>();
}

double JsonPlace::positive() const {
  if (!value_->is_number() || number() == 0) refuse("a number above 0");
  return number();
}

int JsonPlace::count() const {
  if (!value_->is_number_integer() || number() < 1 || number() > (1 << 20)) refuse("a whole number from 1");
  return value_->get<int>();
}

std::string JsonPlace::text_or(const std::string& key, const std::string& otherwise) const {
  return has(key) ? at(key).text() : otherwise;
}
bool JsonPlace::flag_or(const std::string& key, bool otherwise) const {
  return has(key) ? at(key).flag() : otherwise;
}

}  // namespace ditmill::jobs::bench
