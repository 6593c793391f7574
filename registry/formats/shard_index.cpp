#include "registry/formats/shard_index.h"

#include <algorithm>
#include <map>

#include "configs/error.h"
#include "configs/number_text.h"
#include "registry/formats/json_scanner.h"

namespace ditmill::registry {
namespace {

constexpr std::string_view suffix = ".safetensors";
constexpr std::size_t longest_number = 9;

bool is_file_name(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  return std::ranges::none_of(
      name, [](char c) { return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
}

std::optional<std::uint64_t> number(std::string_view text) {
  return text.size() > longest_number ? std::nullopt : number_from_text<std::uint64_t>(text);
}

void read_metadata(JsonScanner& scanner, ShardIndex& index) {
  if (scanner.peek() != JsonKind::object) {
    scanner.skip();
    return;
  }
  scanner.begin_object();
  while (scanner.next_member()) {
    if (scanner.key() == "total_size" && scanner.peek() == JsonKind::number) {
      index.total_size = scanner.number();
    } else {
      scanner.skip();
    }
  }
}

void read_weight_map(JsonScanner& scanner, ShardIndex& index) {
  std::map<std::string, std::uint32_t> shards;
  std::vector<std::string> files;
  scanner.begin_object();
  while (scanner.next_member()) {
    std::string tensor = scanner.key();
    const std::uint64_t start = scanner.offset();
    if (scanner.peek() != JsonKind::string) {
      scanner.fail(start, "a shard's file name", scanner.shown(start), tensor);
    }
    std::string file = scanner.string();
    if (!is_file_name(file)) {
      scanner.fail(start, "the name of a file in the same folder", "'" + printable(file) + "'", tensor);
    }
    const auto [shard, added] = shards.emplace(file, static_cast<std::uint32_t>(files.size()));
    if (added) files.push_back(std::move(file));
    index.tensors.emplace_back(std::move(tensor), shard->second);
  }
  // Shards are numbered in the order of their names, whatever order the tensors are listed in.
  std::vector<std::uint32_t> renumbered(files.size());
  for (const auto& [file, old_number] : shards) {
    renumbered[old_number] = static_cast<std::uint32_t>(index.files.size());
    index.files.push_back(file);
  }
  for (auto& [tensor, shard] : index.tensors) shard = renumbered[shard];
  std::ranges::sort(index.tensors);
}

}  // namespace

ShardIndex parse_shard_index(std::string_view text, const std::string& file) {
  JsonScanner scanner{text, "read shard index", file};
  ShardIndex index;
  bool has_map = false;
  const std::uint64_t start = scanner.offset();
  scanner.begin_object();
  while (scanner.next_member()) {
    const std::string key = scanner.key();
    if (key == "weight_map") {
      has_map = true;
      read_weight_map(scanner, index);
    } else if (key == "metadata") {
      read_metadata(scanner, index);
    } else {
      scanner.skip();
    }
  }
  scanner.finish();
  if (!has_map) scanner.fail(start, "\"weight_map\" in the index", "none");
  return index;
}

std::optional<ShardName> parse_shard_name(std::string_view file_name) {
  if (!file_name.ends_with(suffix)) return std::nullopt;
  const std::string_view name = file_name.substr(0, file_name.size() - suffix.size());
  const std::size_t of = name.rfind("-of-");
  if (of == std::string_view::npos || of == 0) return std::nullopt;
  const std::size_t dash = name.rfind('-', of - 1);
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint64_t> which = number(name.substr(dash + 1, of - dash - 1));
  const std::optional<std::uint64_t> count = number(name.substr(of + 4));
  if (!which || !count) return std::nullopt;
  return ShardName{std::string{name.substr(0, dash)}, *which, *count};
}

}  // namespace ditmill::registry
