#include "jobs/shard.h"

#include <cstdint>
#include <filesystem>
#include <vector>

#include "configs/error.h"
#include "configs/number_text.h"
#include "configs/shell_word.h"
#include "configs/yaml_reader.h"
#include "jobs/store/durable.h"

namespace ditmill::jobs {
namespace {

std::optional<int> number(std::string_view text) {
  return text.starts_with('-') ? std::nullopt : number_from_text<int>(text);
}

std::vector<std::uint32_t> positions_of(const Shard& shard, std::size_t items) {
  std::vector<std::uint32_t> positions;
  positions.reserve(shard.size(items));
  for (auto i = static_cast<std::size_t>(shard.index); i < items;
       i += static_cast<std::size_t>(shard.count)) {
    positions.push_back(static_cast<std::uint32_t>(i));
  }
  return positions;
}

}  // namespace

std::size_t Shard::size(std::size_t items) const {
  const auto first = static_cast<std::size_t>(index);
  const auto step = static_cast<std::size_t>(count);
  return first >= items ? 0 : (items - first - 1) / step + 1;
}

std::optional<Shard> shard_from_text(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<int> index = number(text.substr(0, slash));
  const std::optional<int> count = number(text.substr(slash + 1));
  if (!index || !count || *count > Shard::most || *index >= *count) return std::nullopt;
  return Shard{*index, *count};
}

std::string describe(const std::optional<Shard>& shard) {
  return shard ? std::to_string(shard->index) + "/" + std::to_string(shard->count) : "the whole list";
}

void keep_shard(ItemList& items, const Shard& shard) { items.select(positions_of(shard, items.size())); }

ItemList shard_of(const ItemList& items, const Shard& shard) {
  ItemList its;
  for (const std::uint32_t position : positions_of(shard, items.size())) its.add(items[position]);
  return its;
}

std::optional<Shard> frozen_shard(const RunDirectory& run) {
  if (!std::filesystem::exists(run.manifest())) return std::nullopt;
  std::vector<Problem> ignored;  // nothing hangs on a manifest that cannot be read: `run` writes it anew
  const configs::YamlNode root =
      configs::parse_yaml(durable::read_file(run.manifest()), run.manifest(), ignored);
  const configs::YamlNode* requests = root.find("requests");
  const configs::YamlNode* shard = requests == nullptr ? nullptr : requests->find("shard");
  return shard == nullptr ? std::nullopt : shard_from_text(shard->text);
}

void require_same_shard(const RunDirectory& run, const std::optional<Shard>& shard) {
  if (std::filesystem::exists(run.shards())) {
    throw Error{Category::usage,
                "go on in a run directory",
                Where{.file = run.path()},
                Expected{"that of one run"},
                Got{"that of an array, whose shards are runs of their own and are merged into it"},
                "ditmill submit " + shell_word(run.submission() + "/job.yaml") +
                    " --retry; or one shard: run MANIFEST --shard I/K --run-dir " + run.shards() + "/NNNN"};
  }
  if (!std::filesystem::exists(run.requests()) || !std::filesystem::exists(run.manifest())) return;
  const std::optional<Shard> frozen = frozen_shard(run);
  if (frozen == shard) return;
  throw Error{Category::usage,
              "go on in a run directory",
              Where{.file = run.manifest()},
              Expected{"its part of the list: " + describe(frozen)},
              Got{describe(shard)},
              (frozen ? "give --shard " + describe(frozen) : std::string{"leave --shard out"}) +
                  ", or another --run-dir"};
}

}  // namespace ditmill::jobs
