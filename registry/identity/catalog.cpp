#include "registry/identity/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/embedded.h"
#include "configs/suggest.h"
#include "configs/yaml_reader.h"
#include "registry/byte_source.h"

namespace ditmill::registry {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr std::uint64_t largest_file = std::uint64_t{16} << 20;
constexpr std::size_t longest_name = 128;
constexpr std::size_t hash_digits = 32;
constexpr int most_parts = 64;
constexpr int most_dimensions = 8;

constexpr std::array<std::string_view, 10> roles{"dit",       "text_encoder",  "image_encoder", "vae",
                                                 "upsampler", "audio_decoder", "vocoder",       "vfi",
                                                 "sr",        "bundle"};
constexpr std::array<std::string_view, 2> layout_names{"diffusers", "official"};

bool is_hash(std::string_view text) {
  return text.size() == hash_digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

nlohmann::json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::sequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const YamlNode& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case YamlNode::Kind::mapping: {
      nlohmann::json map = nlohmann::json::object();
      for (const auto& [key, value] : node.entries) map[key.text] = to_json(value);
      return map;
    }
    case YamlNode::Kind::null:
      return nullptr;
    case YamlNode::Kind::scalar:
      break;
  }
  if (node.quoted) return node.text;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  const char* begin = node.text.data();
  const char* end = begin + node.text.size();
  std::int64_t whole = 0;
  if (const auto read = std::from_chars(begin, end, whole); read.ec == std::errc{} && read.ptr == end)
    return whole;
  double real = 0;
  const bool digits = node.text.find_first_of("0123456789") != std::string::npos;
  if (const auto read = std::from_chars(begin, end, real);
      digits && read.ec == std::errc{} && read.ptr == end) {
    return real;
  }
  return node.text;
}

/// Reads a field that an entry must have; `good` says what it accepts.
template <typename Good>
void required(MapReader& reader, std::string_view key, std::string& out, const std::string& expected,
              Good good) {
  if (!reader.has(key)) {
    reader.problem(key, reader.path_of(key) + " is missing", expected);
    return;
  }
  if (reader.read(key, out) && !good(out)) {
    reader.problem(key, reader.path_of(key) + " is wrong", expected, "'" + printable(out) + "'");
  }
}

void read_word(MapReader& reader, std::string_view key, std::string& out,
               std::span<const std::string_view> words) {
  if (!reader.has(key)) {
    reader.problem(key, reader.path_of(key) + " is missing",
                   fmt::format("one of {}", fmt::join(words, ", ")));
    return;
  }
  std::vector<configs::Choice<std::string_view>> choices;
  for (const std::string_view word : words) choices.push_back({word, word});
  std::string_view chosen;
  if (reader.read(key, chosen, std::span<const configs::Choice<std::string_view>>{choices})) out = chosen;
}

CatalogEntry read_entry(const YamlNode& node, const std::string& path, const std::string& file, bool user,
                        std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  CatalogEntry entry;
  entry.user = user;
  entry.source = Where{.file = file, .line = node.line}.place();
  if (node.kind != YamlNode::Kind::mapping) {
    if (node.kind == YamlNode::Kind::null) reader.problem_at(node, path + " is empty", "a catalog entry");
    return entry;
  }
  required(reader, "name", entry.name, "a name of letters, digits and ._~-, at most 128", is_entry_name);
  required(reader, "family", entry.family, "the name of a model family", is_entry_name);
  read_word(reader, "role", entry.role, roles);
  read_word(reader, "layout", entry.layout, layout_names);
  required(reader, "key_hash", entry.key_hash, "32 lower-case hexadecimal digits", is_hash);
  required(reader, "key_hash_names", entry.key_hash_names, "32 lower-case hexadecimal digits", is_hash);
  reader.read("preset", entry.preset);
  reader.read("expert_folder", entry.expert_folder);
  if (const YamlNode* values = reader.find("hyper_parameters"); values != nullptr) {
    if (values->kind == YamlNode::Kind::mapping) {
      entry.hyper_parameters = to_json(*values);
    } else {
      reader.problem("hyper_parameters", reader.path_of("hyper_parameters") + " is wrong", "a mapping");
    }
  }
  reader.finish();
  return entry;
}

/// Reads the names, and with shapes also the sizes, of a layout's tensors.
void read_tensors(MapReader& reader, std::string_view key, bool optional, std::vector<LayoutTensor>& out) {
  MapReader tensors = reader.map(key);
  for (const std::string& name : tensors.keys()) {
    const std::optional<std::vector<LayoutTensor>> parsed = parse_layout_name(name);
    if (!parsed) tensors.problem(name, "the tensor name is malformed", "a name with {0,1} or {symbol}", name);
    std::vector<LayoutSize> shape;
    for (const YamlNode& item : tensors.list(name)) {
      const std::optional<LayoutSize> size = parse_layout_size(item.text);
      if (size) {
        shape.push_back(*size);
      } else {
        tensors.problem_at(item, "the size is malformed", "a product such as 6*dim", printable(item.text));
      }
    }
    if (!parsed) continue;
    for (LayoutTensor tensor : *parsed) {
      tensor.shape = shape;
      tensor.optional = optional;
      out.push_back(std::move(tensor));
    }
  }
  tensors.finish();
}

NameRule read_rule(const YamlNode& node, const std::string& path, const std::string& file,
                   std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  NameRule rule;
  std::string from;
  bool unused = false;
  reader.read("from", from);
  reader.read("to", rule.to);
  reader.read("unused", unused);
  if (from.empty()) reader.problem("from", reader.path_of("from") + " is missing", "a regular expression");
  if (rule.to.empty() != unused) {
    reader.problem("to", reader.path_of("to") + " is missing", "a name, or unused: true");
  }
  int part = 0;
  int parts = 1;
  int dim = 0;
  reader.read("parts", parts, {2, most_parts});
  reader.read("part", part, {0, parts - 1});
  reader.read("dim", dim, {0, most_dimensions - 1});
  rule.part = static_cast<std::size_t>(part);
  rule.parts = static_cast<std::size_t>(parts);
  rule.dim = static_cast<std::size_t>(dim);
  try {
    rule.from.assign(from, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error& error) {
    reader.problem("from", reader.path_of("from") + " is wrong: " + error.what(), "a regular expression",
                   printable(from));
  }
  reader.finish();
  return rule;
}

Layout read_layout(const YamlNode& node, const std::string& path, const std::string& file,
                   std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  Layout layout;
  required(reader, "family", layout.family, "the name of a model family", is_entry_name);
  read_word(reader, "role", layout.role, roles);
  read_word(reader, "layout", layout.layout, layout_names);
  std::vector<std::string> marks;
  reader.read("marks", marks);
  for (const std::string& mark : marks) {
    const std::optional<std::vector<LayoutTensor>> parsed = parse_layout_name(mark);
    if (parsed) {
      layout.marks.insert(layout.marks.end(), parsed->begin(), parsed->end());
    } else {
      reader.problem("marks", "the tensor name is malformed", "a name with {0,1} or {symbol}",
                     printable(mark));
    }
  }
  if (layout.marks.empty())
    reader.problem("marks", reader.path_of("marks") + " is missing", "a list of tensor names");
  read_tensors(reader, "optional", true, layout.tensors);
  read_tensors(reader, "tensors", false, layout.tensors);
  const std::span<const YamlNode> rules = reader.list("names");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    layout.names.push_back(read_rule(rules[i], path + ".names." + std::to_string(i), file, problems));
  }
  reader.finish();
  return layout;
}

}  // namespace

std::span<const std::string_view> role_names() noexcept { return roles; }

bool is_entry_name(std::string_view text) noexcept {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= longest_name && plain(text[0]) &&
         std::ranges::all_of(text, [&](char c) {
           return plain(c) || std::string_view{"._~-"}.find(c) != std::string_view::npos;
         });
}

Catalog Catalog::built_in() {
  Catalog catalog;
  std::vector<Problem> problems;
  for (const EmbeddedText& file : embedded::catalog()) {
    catalog.add(file.text, std::string{file.path}, false, problems);
  }
  if (!problems.empty()) throw Error{std::move(problems)};
  return catalog;
}

void Catalog::add_file(const std::string& path) { add_text(read_text(path, largest_file), path); }

void Catalog::add_text(std::string_view text, const std::string& label) {
  std::vector<Problem> problems;
  Catalog extended = *this;  // an entry of a wrong file must not stay
  extended.add(text, label, true, problems);
  if (!problems.empty()) throw Error{std::move(problems)};
  *this = std::move(extended);
}

void Catalog::add(std::string_view text, const std::string& label, bool user,
                  std::vector<Problem>& problems) {
  const YamlNode root = configs::parse_yaml(text, label, problems);
  std::span<const YamlNode> entries = root.items;
  if (root.kind == YamlNode::Kind::mapping) {
    MapReader reader{root, "", label, problems};
    const std::span<const YamlNode> layouts = reader.list("layouts");
    for (std::size_t i = 0; i < layouts.size(); ++i) {
      layouts_.push_back(read_layout(layouts[i], "layouts." + std::to_string(i), label, problems));
    }
    entries = reader.list("entries");
    reader.finish();
  } else if (root.kind == YamlNode::Kind::scalar) {
    problems.push_back({.file = label,
                        .line = root.line,
                        .column = root.column,
                        .message = "this is no catalog",
                        .expected = "a list of entries",
                        .got = "'" + printable(root.text, 40) + "'"});
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CatalogEntry entry = read_entry(entries[i], "entries." + std::to_string(i), label, user, problems);
    if (const CatalogEntry* other = taken(entry); other != nullptr && !entry.name.empty()) {
      const YamlNode* place = entries[i].find("name");
      problems.push_back({.file = label,
                          .line = place == nullptr ? entries[i].line : place->line,
                          .column = place == nullptr ? entries[i].column : place->column,
                          .message = "the name " + entry.name + " is taken by the entry at " + other->source,
                          .expected = "a name that no other entry has"});
    }
    entries_.push_back(std::move(entry));
  }
}

std::vector<const CatalogEntry*> Catalog::with_hash(std::string_view key_hash) const {
  std::vector<const CatalogEntry*> found;
  for (const bool user : {true, false}) {
    for (const CatalogEntry& entry : entries_) {
      if (entry.user == user && entry.key_hash == key_hash) found.push_back(&entry);
    }
    if (!found.empty()) break;
  }
  return found;
}

std::vector<const CatalogEntry*> Catalog::with_names_hash(std::string_view key_hash_names) const {
  std::vector<const CatalogEntry*> found;
  for (const CatalogEntry& entry : entries_) {
    if (entry.key_hash_names == key_hash_names) found.push_back(&entry);
  }
  return found;
}

const CatalogEntry* Catalog::named(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &CatalogEntry::name);
  return found == entries_.end() ? nullptr : &*found;
}

const CatalogEntry* Catalog::taken(const CatalogEntry& entry) const {
  const auto found = std::ranges::find_if(entries_, [&entry](const CatalogEntry& other) {
    const bool same_layout = other.layout == entry.layout || other.layout.empty() || entry.layout.empty();
    return other.name == entry.name && same_layout;
  });
  return found == entries_.end() ? nullptr : &*found;
}

const Layout* Catalog::layout_of(std::string_view family, std::string_view role,
                                 std::string_view layout) const {
  const auto found = std::ranges::find_if(layouts_, [&](const Layout& each) {
    return each.family == family && each.role == role && each.layout == layout;
  });
  return found == layouts_.end() ? nullptr : &*found;
}

}  // namespace ditmill::registry
