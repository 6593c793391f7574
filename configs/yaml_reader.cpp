#include "configs/yaml_reader.h"

#include <algorithm>
#include <charconv>

#include "configs/error.h"
#include "configs/other_names.h"
#include "configs/suggest.h"

namespace ditmill::configs {
namespace {

bool digits_at(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at > begin;
}

/// [-+]?[0-9]+
bool looks_like(std::string_view text, std::int64_t) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  return digits_at(text, at) && at == text.size();
}

/// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looks_like(std::string_view text, double) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const bool whole = digits_at(text, at);
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits_at(text, at) && !whole) return false;
  } else if (!whole) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (!digits_at(text, at)) return false;
  }
  return at == text.size();
}

std::string join(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

/// Whether a section has a setting's fields: an item of requests, and its defaults, have nearly the same.
bool is_its_section(const Setting& setting, std::string_view section) {
  if (setting.section == section) return setting.name != "id" && setting.name != "prompt";
  return setting.of_requests() && section.starts_with("requests.items.");
}

/// Why a key is not known in `section`: it has another name, or belongs elsewhere.
std::string belongs(const Setting& setting, std::string_view section, std::string_view key) {
  if (is_its_section(setting, section)) return ": it is called " + setting.name;
  if (setting.of_requests()) return ": it is a field of the requests";
  const std::string called = setting.name == key ? "" : "called " + setting.name + ", ";
  const bool of_an_item = section.starts_with("requests.");
  return ": it is " + called + "a setting of " + setting.section +
         (of_an_item ? ", the same for all items" : "");
}

/// Where to write it instead.
std::string place_for(const Setting& setting, std::string_view section) {
  if (is_its_section(setting, section)) return setting.name;
  const bool of_an_item = setting.of_requests() && (setting.name == "id" || setting.name == "prompt");
  return of_an_item ? setting.name + " of an item: requests.items, or a line of requests.file"
                    : setting.path();
}

const YamlNode nothing{};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const noexcept {
  for (const auto& [name, value] : entries) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::mapping:
      return "a mapping";
    case YamlNode::Kind::scalar:
      break;
  }
  const std::string text = printable(node.text, max_shown);
  return node.quoted ? "\"" + text + "\"" : text;
}

MapReader::MapReader(const YamlNode& node, std::string path, std::string file, std::vector<Problem>& problems)
    : node_(&node), place_(&node), path_(std::move(path)), file_(std::move(file)), problems_(&problems) {
  if (node.kind == YamlNode::Kind::mapping || node.kind == YamlNode::Kind::null || node.reported) return;
  problem_at(node, (path_.empty() ? "the document" : path_) + " has the wrong type", "a mapping",
             describe(node));
}

bool MapReader::has(std::string_view key) { return find(key) != nullptr; }

const YamlNode* MapReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  return node_->find(key);
}

const YamlNode* MapReader::value(std::string_view key) {
  const YamlNode* found = find(key);
  return found != nullptr && !found->reported ? found : nullptr;
}

void MapReader::wrong_type(const YamlNode& node, std::string_view key, std::string expected) {
  std::string got = describe(node);
  const bool bracketed = node.kind == YamlNode::Kind::sequence || node.kind == YamlNode::Kind::mapping;
  const bool free_text = key == "prompt" || key == "negative_prompt";
  if (free_text && bracketed) expected += ", put into quotes if it begins with [ or {";
  if (node.quoted && expected != "text") got += ", which is text because it is quoted";
  problem_at(node, path_of(key) + " has the wrong type", std::move(expected), std::move(got));
}

bool MapReader::read(std::string_view key, std::string& out) {
  const YamlNode* found = value(key);
  if (found == nullptr) return false;
  if (found->kind != YamlNode::Kind::scalar) {
    wrong_type(*found, key, "text");
    return false;
  }
  out = found->text;
  return true;
}

bool MapReader::read(std::string_view key, bool& out) {
  const YamlNode* found = value(key);
  if (found == nullptr) return false;
  const bool plain = found->kind == YamlNode::Kind::scalar && !found->quoted;
  if (!plain || (found->text != "true" && found->text != "false")) {
    wrong_type(*found, key, "true or false");
    return false;
  }
  out = found->text == "true";
  return true;
}

template <typename T>
bool MapReader::read_number(std::string_view key, T& out, Bounds<T> bounds) {
  const YamlNode* found = value(key);
  if (found == nullptr) return false;
  const std::string expected = expected_number(bounds);
  using Form = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
  const bool plain = found->kind == YamlNode::Kind::scalar && !found->quoted;
  if (!plain || !looks_like(found->text, Form{})) {
    wrong_type(*found, key, expected);
    return false;
  }
  std::string_view text = found->text;
  if (text[0] == '+') text.remove_prefix(1);
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool representable = error == std::errc{} && end == text.data() + text.size();
  if (!representable || number < bounds.least || number > bounds.most) {
    problem_at(*found, path_of(key) + " is out of range", expected, describe(*found));
    return false;
  }
  out = number;
  return true;
}

bool MapReader::read(std::string_view key, int& out, Bounds<int> bounds) {
  return read_number(key, out, bounds);
}

bool MapReader::read(std::string_view key, std::int64_t& out, Bounds<std::int64_t> bounds) {
  return read_number(key, out, bounds);
}

bool MapReader::read(std::string_view key, double& out, Bounds<double> bounds) {
  return read_number(key, out, bounds);
}

bool MapReader::read(std::string_view key, std::vector<std::string>& out) {
  const YamlNode* found = value(key);
  if (found == nullptr) return false;
  if (found->kind != YamlNode::Kind::sequence) {
    wrong_type(*found, key, "a list of texts");
    return false;
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < found->items.size(); ++i) {
    const YamlNode& item = found->items[i];
    if (item.reported) return false;
    if (item.kind != YamlNode::Kind::scalar) {
      wrong_type(item, std::string(key) + "." + std::to_string(i), "text");
      return false;
    }
    texts.push_back(item.text);
  }
  out = std::move(texts);
  return true;
}

std::optional<std::size_t> MapReader::read_word(std::string_view key,
                                                std::span<const std::string_view> words) {
  const YamlNode* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (found->kind != YamlNode::Kind::scalar) {
    wrong_type(*found, key, join(words));
    return std::nullopt;
  }
  const auto word = std::find(words.begin(), words.end(), found->text);
  if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
  const std::vector<std::string> candidates(words.begin(), words.end());
  problem_at(*found, path_of(key) + " has an unknown value", join(words), describe(*found),
             nearest(found->text, candidates));
  return std::nullopt;
}

MapReader MapReader::map(std::string_view key) {
  const YamlNode* found = find(key);
  MapReader inner(found != nullptr ? *found : nothing, path_of(key), file_, *problems_);
  if (found == nullptr) inner.place_ = place_;
  return inner;
}

std::span<const YamlNode> MapReader::list(std::string_view key) {
  const YamlNode* found = value(key);
  if (found == nullptr) return {};
  if (found->kind != YamlNode::Kind::sequence) wrong_type(*found, key, "a list");
  return found->items;
}

std::vector<std::string> MapReader::keys() {
  std::vector<std::string> keys;
  for (const auto& [key, value] : node_->entries) keys.push_back(key.text);
  known_.insert(known_.end(), keys.begin(), keys.end());
  return keys;
}

void MapReader::problem(std::string_view key, std::string message, std::string expected, std::string got,
                        std::string nearest) {
  const YamlNode* found = node_->find(key);
  problem_at(found != nullptr ? *found : *place_, std::move(message), std::move(expected), std::move(got),
             std::move(nearest));
}

void MapReader::problem_at_key(std::string_view key, std::string message, std::string expected,
                               std::string got, std::string nearest) {
  for (const auto& [name, value] : node_->entries) {
    if (name.text != key) continue;
    problem_at(name, std::move(message), std::move(expected), std::move(got), std::move(nearest));
    return;
  }
  problem_at(*place_, std::move(message), std::move(expected), std::move(got), std::move(nearest));
}

void MapReader::problem_at(const YamlNode& node, std::string message, std::string expected, std::string got,
                           std::string nearest) {
  const bool in_file = node.origin.empty();
  problems_->push_back({.file = in_file ? file_ : node.origin,
                        .line = in_file ? node.line : 0,
                        .column = in_file ? node.column : 0,
                        .message = std::move(message),
                        .expected = std::move(expected),
                        .got = std::move(got),
                        .nearest = std::move(nearest)});
}

void MapReader::finish() {
  for (const auto& [key, value] : node_->entries) {
    if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
    const std::string message = "unknown key " + printable(path_of(key.text));
    if (const std::optional<Setting> setting = setting_called(key.text)) {
      problem_at(key, message + belongs(*setting, path_, key.text), place_for(*setting, path_));
    } else {
      // {prompt: a cat, asleep}: the text ends at its comma.
      const bool cut = value.kind == YamlNode::Kind::null && &key != &node_->entries.front().first &&
                       key.line == node_->entries.front().first.line;
      problem_at(key, message, cut ? "a text with a comma put into quotes, within { }" : "", {},
                 nearest(key.text, known_));
    }
  }
}

std::string MapReader::path_of(std::string_view key) const {
  const std::string shown = printable(key, max_shown);
  return path_.empty() ? shown : path_ + "." + shown;
}

}  // namespace ditmill::configs
