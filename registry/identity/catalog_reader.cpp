#include "registry/identity/catalog_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/hex.h"
#include "configs/yaml_reader.h"
#include "registry/identity/family_slots.h"
#include "registry/identity/layout_reader.h"
#include "registry/identity/yaml_json.h"

namespace ditmill::registry {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr std::size_t hash_digits = 32;
constexpr std::size_t most_stated = 50'000;
constexpr const char* hash_form = "32 lower-case hexadecimal digits, or null";

/// A hash, or null where it is not known.
void read_hash(MapReader& reader, std::string_view key, std::string& out) {
  const YamlNode* value = reader.find(key);
  if (value != nullptr && value->kind == YamlNode::Kind::null) return;
  if (value == nullptr) {
    reader.problem(key, reader.path_of(key) + " is missing", hash_form);
  } else if (reader.read(key, out) && !is_hex(out, hash_digits)) {
    reader.problem(key, reader.path_of(key) + " is wrong", hash_form, "'" + printable(out) + "'");
  }
}

/// A word, or a list of them.
void read_words(MapReader& reader, std::string_view key, std::vector<std::string>& out) {
  const YamlNode* value = reader.find(key);
  if (value == nullptr) return;
  if (value->kind == YamlNode::Kind::sequence) {
    reader.read(key, out);
  } else if (std::string word; reader.read(key, word)) {
    out.push_back(std::move(word));
  }
}

/// Digests of files, as sha256sum writes them, or digest roots ("sha256:" before the digits).
void read_digests(MapReader& reader, std::vector<std::string>& out) {
  constexpr std::string_view root_prefix = "sha256:";
  constexpr std::size_t sha256_digits = 64;
  read_words(reader, "sha256", out);
  for (std::string& digest : out) {
    if (digest.starts_with(root_prefix)) digest.erase(0, root_prefix.size());
    if (!is_hex(digest, sha256_digits)) {
      reader.problem("sha256", reader.path_of("sha256") + " is wrong",
                     "64 lower-case hexadecimal digits, in quotes, or a list of such digests",
                     "'" + printable(digest) + "'");
    }
  }
}

void read_identity(MapReader& reader, CatalogEntry& entry) {
  read_name(reader, "name", entry.name);
  read_name(reader, "family", entry.family);
  read_role(reader, entry.role);
  read_layout_name(reader, entry.layout);
  reader.read("architecture", entry.architecture);
  read_hash(reader, "key_hash", entry.key_hash);
  read_hash(reader, "key_hash_names", entry.key_hash_names);
  if (entry.key_hash.empty() && entry.key_hash_names.empty() && reader.problems().empty()) {
    reader.problem("key_hash", "nothing tells these weights", "key_hash, or key_hash_names", "null for both");
  }
}

CatalogEntry read_entry(const YamlNode& node, const std::string& path, const std::string& file,
                        std::vector<Problem>& problems) {
  std::vector<Problem> found;
  MapReader reader{node, path, file, found};
  CatalogEntry entry;
  entry.place = {.file = file, .line = node.line, .column = node.column};
  entry.source = Where{.file = file, .line = node.line}.place();
  if (node.kind == YamlNode::Kind::mapping) {
    read_identity(reader, entry);
    reader.read("preset", entry.preset);
    read_words(reader, "expert_folder", entry.expert_folders);
    read_words(reader, "words", entry.words);
    read_digests(reader, entry.sha256);
    std::int64_t parameters = 0;
    reader.read("parameters", parameters, {0, std::numeric_limits<std::int64_t>::max()});
    entry.parameters = static_cast<std::uint64_t>(parameters);
    reader.read("origin", entry.origin);
    reader.read("defect", entry.defect);
    if (const YamlNode* values = reader.find("hyper_parameters"); values != nullptr) {
      if (values->kind == YamlNode::Kind::mapping) {
        entry.hyper_parameters = to_json(*values);
      } else {
        reader.problem("hyper_parameters", reader.path_of("hyper_parameters") + " is wrong", "a mapping");
      }
    }
    if (const YamlNode* name = node.find("name"); name != nullptr) {
      entry.place.line = name->line;
      entry.place.column = name->column;
    }
    reader.finish();
  } else if (node.kind == YamlNode::Kind::null) {
    reader.problem_at(node, path + " is empty", "a catalog entry");
  }
  std::ranges::move(found, std::back_inserter(problems));
  return entry;
}

/// Counts the tensors that a file states, as it is read.
class Stated {
 public:
  explicit Stated(const CatalogFile& file) : file_(file) {}

  /// Whether they are more than memory should hold: a problem, and the rest is not read.
  bool too_many(const YamlNode& latest, MapReader& reader) {
    for (; architectures_ < file_.architectures.size(); ++architectures_)
      tensors_ += file_.architectures[architectures_].tensors.size();
    for (; layouts_ < file_.layouts.size(); ++layouts_)
      tensors_ += file_.layouts[layouts_].tensors.size() + file_.layouts[layouts_].marks.size();
    if (tensors_ <= most_stated) return false;
    reader.problem_at(latest, "too many tensors in one catalog",
                      "at most " + std::to_string(most_stated) + " in all layouts");
    return true;
  }

 private:
  const CatalogFile& file_;
  std::size_t architectures_ = 0;  // counted
  std::size_t layouts_ = 0;
  std::size_t tensors_ = 0;
};

}  // namespace

CatalogFile read_catalog(std::string_view text, const std::string& label, std::vector<Problem>& problems) {
  const YamlNode root = configs::parse_yaml(text, label, problems);
  CatalogFile file;
  std::span<const YamlNode> entries = root.items;
  if (root.kind == YamlNode::Kind::mapping) {
    MapReader reader{root, "", label, problems};
    Stated stated{file};
    const std::span<const YamlNode> architectures = reader.list("architectures");
    for (std::size_t i = 0; i < architectures.size(); ++i) {
      read_architecture(architectures[i], "architectures." + std::to_string(i), label, file.architectures,
                        file.layouts, problems);
      if (stated.too_many(architectures[i], reader)) return file;
    }
    const std::span<const YamlNode> families = reader.list("families");
    for (std::size_t i = 0; i < families.size(); ++i)
      file.families.push_back(read_family(families[i], "families." + std::to_string(i), label, problems));
    const std::span<const YamlNode> layouts = reader.list("layouts");
    for (std::size_t i = 0; i < layouts.size(); ++i) {
      file.layouts.push_back(read_layout(layouts[i], "layouts." + std::to_string(i), label, problems));
      if (stated.too_many(layouts[i], reader)) return file;
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
    file.entries.push_back(read_entry(entries[i], "entries." + std::to_string(i), label, problems));
  }
  return file;
}

}  // namespace ditmill::registry
