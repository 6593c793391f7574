#include "jobs/run/merge/merge_sources.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>

#include "configs/error.h"
#include "configs/list_text.h"
#include "jobs/results/files/frozen_shard.h"
#include "jobs/results/files/run_again.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/listing/require_run.h"
#include "jobs/run/epoch.h"
#include "jobs/run/frozen/frozen_config.h"
#include "jobs/run/frozen/json_difference.h"
#include "jobs/run/frozen/resume.h"
#include "jobs/run/verify/damage.h"

namespace ditmill::jobs::run {
namespace {

/// The dotted fields of two identities that differ, with both values.
void require_same_identity(const MergeSource& first, const MergeSource& other) {
  const nlohmann::json a = first.config.value(identity_field, nlohmann::json{});
  const nlohmann::json b = other.config.value(identity_field, nlohmann::json{});
  if (a.is_object() && a == b) return;
  std::string expected;
  std::string got;
  for (const auto& [field, before, after] : json_differences(a, b)) {
    extend_list(expected, field + " " + printable(before.dump(), max_shown));
    extend_list(got, field + " " + printable(after.dump(), max_shown));
  }
  throw Error(Category::usage, "merge runs: they are not of one job", Where{.file = other.run.config()},
              Expected{expected.empty() ? "an identity" : expected + ", as " + first.run.path() + " has it"},
              Got{got.empty() ? "none in config.json" : got},
              "only runs of the same weights and settings can be merged");
}

MergeSource open_source(const std::string& path, const slurm::Allocation& allocation) {
  MergeSource source{.run = results::RunDirectory{path}, .config = {}};
  results::require_run(source.run, "merge runs");
  require_idle(source.run, allocation, "merge runs");
  source.config = read_config(source.run);
  source.newest = results::newest_epoch(source.run);
  for (const results::JournalFile& file : results::journal_files(source.run))
    source.newest = std::max(source.newest, file.epoch);
  return source;
}

requests::ItemList frozen_items(const results::RunDirectory& run) {
  std::optional<FrozenJob> frozen = read_frozen_job(run);
  if (frozen) return std::move(frozen->items);
  throw Error(Category::not_found, "merge runs", Where{.file = run.requests()}, {}, {},
              results::see_verify(run));
}

/// Insists on all shards of one array, each in its place.
void require_whole_array(const std::vector<MergeSource>& runs) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::optional<requests::Shard> shard = results::frozen_shard(runs[i].run);
    const requests::Shard wanted{static_cast<int>(i), static_cast<int>(runs.size())};
    if (shard == wanted) continue;
    throw Error{Category::usage,
                "merge the shards of an array",
                Where{.file = runs[i].run.path()},
                Expected{describe(wanted)},
                Got{describe(shard)},
                "name all shards in their order: RUN/shards/*"};
  }
}

/// Joins lists; ids that come again must have the same key.
class Joiner {
 public:
  void add(const requests::ItemList& items) {
    begins_.push_back(order_.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      joined_.add(items[i]);
      const std::optional<std::size_t> earlier = ids_.insert(joined_.size() - 1);
      if (!earlier) {
        order_.push_back(static_cast<std::uint32_t>(joined_.size() - 1));
      } else if (joined_.packed()[*earlier].key == items.packed()[i].key) {
        again_.emplace_back(items.packed()[i].id);
      } else {
        differing_.emplace_back(items.packed()[i].id);
      }
    }
  }

  /// `by_turns`: the first items of all lists, then the second ones, and so on.
  void finish(MergeSources& sources, bool by_turns) {
    if (!differing_.empty()) {
      throw Error(Category::usage,
                  "merge runs: " + std::to_string(differing_.size()) +
                      " ids stand for different items: " + some_of(differing_),
                  {}, Expected{"one key for an id"}, Got{"other prompts, seeds or sizes"},
                  "give the items of each list ids of their own");
    }
    if (!again_.empty()) {
      sources.notes.push_back(std::to_string(again_.size()) +
                              " items are in several runs, and once in the merged one: " + some_of(again_));
    }
    joined_.select(by_turns ? turns() : order_);
    sources.items = std::move(joined_);
  }

 private:
  std::vector<std::uint32_t> turns() const {
    std::vector<std::uint32_t> turns;
    for (std::size_t turn = 0; turns.size() < order_.size(); ++turn) {
      for (std::size_t list = 0; list < begins_.size(); ++list) {
        const std::size_t end = list + 1 < begins_.size() ? begins_[list + 1] : order_.size();
        if (begins_[list] + turn < end) turns.push_back(order_[begins_[list] + turn]);
      }
    }
    return turns;
  }

  requests::ItemList joined_;
  requests::IdIndex ids_{joined_};
  std::vector<std::uint32_t> order_;
  std::vector<std::size_t> begins_;  ///< in `order_`, of each list
  std::vector<std::string> again_;
  std::vector<std::string> differing_;
};

}  // namespace

MergeSources read_sources(const std::vector<std::string>& runs, bool array,
                          const slurm::Allocation& allocation) {
  MergeSources sources;
  std::set<std::string> seen;
  Joiner joiner;
  int next = 1;
  for (const std::string& path : runs) {
    MergeSource source = open_source(path, allocation);
    if (!seen.insert(std::filesystem::canonical(path).string()).second) {
      throw Error(Category::usage, "merge runs", Where{.file = path}, Expected{"each run once"},
                  Got{"twice"});
    }
    require_same_identity(sources.runs.empty() ? source : sources.runs.front(), source);
    source.first = next;
    source.step = array ? static_cast<int>(runs.size()) : 1;
    next += array ? 1 : source.newest;
    joiner.add(frozen_items(source.run));
    sources.runs.push_back(std::move(source));
  }
  if (array) require_whole_array(sources.runs);
  joiner.finish(sources, array);
  return sources;
}

}  // namespace ditmill::jobs::run
