#include "jobs/results/files/frozen_shard.h"

#include <filesystem>
#include <vector>

#include "configs/error.h"
#include "configs/shell_word.h"
#include "configs/yaml_reader.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::results {

std::optional<requests::Shard> frozen_shard(const RunDirectory& run) {
  if (!std::filesystem::exists(run.manifest())) return std::nullopt;
  std::vector<Problem> ignored;  // nothing hangs on a manifest that cannot be read: `run` writes it anew
  const configs::YamlNode root =
      configs::parse_yaml(durable::read_file(run.manifest()), run.manifest(), ignored);
  const configs::YamlNode* requests = root.find("requests");
  const configs::YamlNode* shard = requests == nullptr ? nullptr : requests->find("shard");
  return shard == nullptr ? std::nullopt : requests::shard_from_text(shard->text);
}

void require_same_shard(const RunDirectory& run, const std::optional<requests::Shard>& shard) {
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
  const std::optional<requests::Shard> frozen = frozen_shard(run);
  if (frozen == shard) return;
  throw Error{Category::usage,
              "go on in a run directory",
              Where{.file = run.manifest()},
              Expected{"its part of the list: " + describe(frozen)},
              Got{describe(shard)},
              (frozen ? "give --shard " + describe(frozen) : std::string{"leave --shard out"}) +
                  ", or another --run-dir"};
}

}  // namespace ditmill::jobs::results
