#include "registry/identity/path_pattern.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "registry/formats/shard_index.h"
#include "registry/identity/folder_names.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

/// Folder, stem and count.
using ShardSet = std::tuple<std::string, std::string, std::uint64_t>;

struct Shard {
  ShardSet set;
  std::uint64_t number;
};

std::optional<Shard> shard_at(const std::string& path) {
  const fs::path file{path};
  const std::optional<ShardName> name = parse_shard_name(file.filename().native());
  if (!name) return std::nullopt;
  const std::string folder = file.has_parent_path() ? file.parent_path().native() : ".";
  return Shard{{folder, name->stem, name->count}, name->number};
}

}  // namespace

std::vector<std::string> expand_pattern(const std::string& path) {
  if (is_there(path) || path.find_first_of("*?[") == std::string::npos) return {path};
  glob_t matches{};
  const std::unique_ptr<glob_t, decltype(&::globfree)> freed{&matches, &::globfree};
  if (::glob(path.c_str(), 0, nullptr, &matches) != 0 || matches.gl_pathc == 0) return {path};
  return {matches.gl_pathv, matches.gl_pathv + matches.gl_pathc};
}

std::vector<WeightGroup> group_shards(std::span<const std::string> paths) {
  std::map<ShardSet, std::map<std::uint64_t, std::string>> sets;
  for (const std::string& path : paths) {
    if (const std::optional<Shard> shard = shard_at(path)) sets[shard->set].emplace(shard->number, path);
  }
  std::vector<WeightGroup> groups;
  for (const std::string& path : paths) {
    const std::optional<Shard> shard = shard_at(path);
    if (!shard) {
      groups.push_back({path, {}});
      continue;
    }
    std::map<std::uint64_t, std::string>& members = sets[shard->set];
    const auto& [folder, stem, count] = shard->set;
    const fs::path index = fs::path{path}.parent_path() / (stem + ".safetensors.index.json");
    const bool indexed = std::ranges::find(paths, index.native()) != paths.end();
    if (indexed || members.empty()) continue;
    if (members.size() == 1 || members.size() != count) {
      groups.push_back({path, {}});
      continue;
    }
    std::vector<std::string> shards;
    for (auto& [number, member] : members) shards.push_back(std::move(member));
    members.clear();
    groups.push_back({folder, std::move(shards)});
  }
  return groups;
}

}  // namespace ditmill::registry
