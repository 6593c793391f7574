#include "registry/identity/weight_files.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "configs/error.h"
#include "configs/list_text.h"
#include "registry/byte_source.h"
#include "registry/formats/looks_like.h"
#include "registry/formats/shard_index.h"
#include "registry/identity/bystander.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/foreign_weights.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_header.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_shard_index = 100'000'000;

std::string beside(const std::string& path, const std::string& name) {
  return (fs::path{path}.parent_path() / name).native();
}

ShardIndex read_index(const std::string& path) {
  refuse_unfinished(path);
  const std::string text = read_text(path, largest_shard_index);
  return told_apart(text, [&] { return parse_shard_index(text, path); });
}

/// All shards that an index names are there.
void check_shards(const std::string& path, const ShardIndex& index) {
  std::vector<std::string> missing;
  for (const std::string& name : index.files) {
    if (!is_there(beside(path, name))) missing.push_back(beside(path, name));
  }
  if (missing.empty()) return;
  refuse_unfinished(missing.front());
  std::string hint = "its download did not finish";
  if (missing.size() > 1) hint += ", nor that of " + std::to_string(missing.size() - 1) + " more shards";
  hint += ": fetch what is missing again";
  throw Error{Category::not_found,
              "open a shard",
              Where{.file = missing.front()},
              Expected{"a file that " + path + " names"},
              Got{"No such file or directory"},
              std::move(hint)};
}

/// Which file holds each tensor; refuses a tensor that two files hold.
class Owners {
 public:
  explicit Owners(std::span<const WeightFile> files) {
    std::size_t count = 0;
    for (const WeightFile& file : files) count += file.tensors.size();
    owners_.reserve(count);
    for (std::uint32_t i = 0; i < files.size(); ++i) {
      for (const TensorInfo& tensor : files[i].tensors) {
        const auto [other, added] = owners_.emplace(tensor.name, i);
        if (!added) {
          refuse_set(
              files[i].path, "every tensor in one shard", "it is also in " + files[other->second].path,
              tensor.name,
              "if one is a copy of the other (an EMA, another dtype), move it out of the folder, or name "
              "the file "
              "to use");
        }
      }
    }
  }

  std::optional<std::uint32_t> of(std::string_view tensor) const {
    const auto found = owners_.find(tensor);
    return found == owners_.end() ? std::nullopt : std::optional{found->second};
  }

 private:
  std::unordered_map<std::string_view, std::uint32_t> owners_;  // of views into the files' tensors
};

void check_against_index(const std::string& path, const ShardIndex& index,
                         std::span<const WeightFile> files) {
  const Owners owners{files};
  for (const auto& [tensor, shard] : index.tensors) {
    const std::optional<std::uint32_t> owner = owners.of(tensor);
    if (owner && *owner == shard) continue;
    refuse_set(path, "a tensor that " + files[shard].path + " holds",
               owner ? "it is in " + files[*owner].path : "no shard holds it", tensor,
               "index and shards are not of one download: fetch both again");
  }
  for (const WeightFile& file : files) {
    for (const TensorInfo& tensor : file.tensors) {
      const auto named =
          std::ranges::lower_bound(index.tensors, std::string_view{tensor.name}, {},
                                   [](const auto& entry) { return std::string_view{entry.first}; });
      if (named != index.tensors.end() && named->first == tensor.name) continue;
      refuse_set(path, "every tensor of " + file.path, "no mention of it", tensor.name,
                 "index and shards are not of one download: fetch both again");
    }
  }
}

std::optional<std::string> size_warning(const std::string& path, const ShardIndex& index,
                                        std::span<const WeightFile> files) {
  if (index.total_size.empty()) return std::nullopt;
  std::uint64_t actual = 0;
  for (const WeightFile& file : files) {
    for (const TensorInfo& tensor : file.tensors) actual += tensor.end - tensor.begin;
  }
  if (index.total_size == std::to_string(actual)) return std::nullopt;
  return path + ": metadata.total_size is " + printable(index.total_size, 40) + ", but the tensors have " +
         std::to_string(actual) + " bytes";
}

/// The file to use among several of a kind: the only one, or the one of the usual name.
template <typename Names, typename StemOf>
const typename Names::value_type& choose(const Names& names, const StemOf& stem_of,
                                         const std::string& folder) {
  if (names.size() == 1) return *names.begin();
  for (const std::string_view stem : usual_stems()) {
    for (const auto& name : names) {
      if (stem_of(name) == stem) return name;
    }
  }
  std::string got;
  for (const auto& name : names) extend_list(got, printable(stem_of(name), 60));
  refuse_set(folder, "one set of weights, or one with a usual name (diffusion_pytorch_model, model)", got, {},
             "name the file or the index to use");
}

[[noreturn]] void refuse_numbers(const std::string& folder, std::uint64_t count, std::string got) {
  const std::string unfinished = unfinished_hint(folder);
  refuse_set(folder, "shards 1 to " + std::to_string(count), std::move(got), {},
             unfinished.empty() ? "the download did not finish, or a file was lost: fetch the folder again"
                                : unfinished);
}

void check_complete(const std::string& folder, std::span<const std::string> names, std::uint64_t count) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names) numbers.push_back(parse_shard_name(name)->number);
  std::ranges::sort(numbers);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == i + 1 && numbers[i] <= count) continue;
    refuse_numbers(folder, count,
                   "no shard " + std::to_string(i + 1) + ", but a shard " + std::to_string(numbers[i]));
  }
  if (numbers.size() != count)
    refuse_numbers(folder, count, "no shard " + std::to_string(numbers.size() + 1));
}

/// Paths of the shards of a folder in the order of their numbers, none of which is missing.
std::vector<std::string> shard_paths(const std::string& folder, std::vector<std::string> names,
                                     std::uint64_t count) {
  check_complete(folder, names, count);
  std::ranges::sort(names, {}, [](const std::string& name) { return parse_shard_name(name)->number; });
  for (std::string& name : names) name = (fs::path{folder} / name).native();
  return names;
}

bool is_usual(const std::string& name) {
  return std::ranges::find(usual_stems(), file_stem(name)) != usual_stems().end();
}

void warn_of_unused(WeightSet& set, const WeightListing& listing, const std::string& folder,
                    bool allow_pickle) {
  std::vector<std::string> names = listing.singles;
  for (const auto& [stem, shards] : listing.shards) names.insert(names.end(), shards.begin(), shards.end());
  names.insert(names.end(), listing.torch.begin(), listing.torch.end());
  names.insert(names.end(), listing.others.begin(), listing.others.end());
  for (const std::string& name : names) {
    const std::string path = inside(folder, name);
    if (std::ranges::any_of(set.files, [&](const WeightFile& file) { return file.path == path; })) continue;
    const std::string_view kind = bystander_at(path, allow_pickle);
    set.warnings.push_back(kind.empty() ? path + ": not used" : unused_bystander(path, kind));
  }
}

[[noreturn]] void refuse_without_weights(const std::string& folder) {
  std::string hint = unfinished_hint(folder);
  const std::optional<ForeignWeights> foreign = foreign_folder(folder);
  if (hint.empty()) hint = foreign ? foreign->cure : "fetch the folder again";
  refuse_set(folder, "weight files",
             foreign ? "only " + printable(foreign->name, 60) + ", " + foreign->what : "none", {}, hint);
}

/// The paths of a folder's weights that no index names.
std::vector<std::string> weights_by_name(const std::string& folder, const WeightListing& listing,
                                         bool allow_pickle) {
  std::vector<std::string> singles = listing.singles;
  std::vector<std::string> torch = listing.torch;
  const bool usual = std::ranges::any_of(singles, is_usual);
  const auto bystander = [&](const auto& name) { return bystander_at(inside(folder, name), allow_pickle); };
  if (!listing.shards.empty() && !usual && !singles.empty() &&
      std::ranges::none_of(singles, [&](const auto& name) { return bystander(name).empty(); })) {
    singles.clear();
  }
  if (!listing.shards.empty() && !singles.empty()) {
    refuse_set(folder, "shards or a single file", "both, and no index that says which", {},
               "name the file to use, or remove what does not belong");
  }
  if (!listing.shards.empty()) {
    const auto& [key, names] = choose(
        listing.shards, [](const auto& shards) { return shards.first.first; }, folder);
    return shard_paths(folder, names, key.second);
  }
  if (usual) return {inside(folder, choose(singles, file_stem, folder))};
  if (singles.size() > 1) take_bystanders(folder, allow_pickle, singles);
  if (singles.empty() && torch.size() > 1) take_bystanders(folder, allow_pickle, torch);
  if (singles.empty() && torch.empty()) refuse_without_weights(folder);
  if (singles.empty() && torch.size() > 1) {
    refuse_set(folder, "one checkpoint of torch",
               printable(torch.front(), 60) + ", " + printable(torch.back(), 60) + ", ...", {},
               "name the file to use");
  }
  // Adapters only: one tells what they are.
  if (singles.size() > 1 && !bystander(singles.front()).empty()) singles.resize(1);
  std::vector<std::string> paths;
  for (const std::string& name : singles.empty() ? torch : singles) paths.push_back(inside(folder, name));
  return paths;
}

}  // namespace

WeightSet read_weight_file(const std::string& path, bool allow_pickle) {
  return read_weight_files(path, {&path, 1}, allow_pickle);
}

WeightSet read_weight_files(std::string label, std::span<const std::string> paths, bool allow_pickle) {
  WeightSet set{.label = std::move(label), .files = {}, .warnings = {}};
  for (const std::string& path : paths)
    set.files.push_back(read_weight_header(path, allow_pickle, set.warnings));
  const Owners refuse_twins{set.files};
  return set;
}

WeightSet read_shard_index(const std::string& path, bool allow_pickle) {
  const ShardIndex index = read_index(path);
  WeightSet set{.label = path, .files = {}, .warnings = {}};
  if (index.files.empty()) {
    const WeightListing listing =
        list_weights(fs::path{path}.has_parent_path() ? fs::path{path}.parent_path().native() : ".");
    if (!listing.shards.empty() || !listing.singles.empty()) {
      refuse_set(path, "a weight_map of the files beside it", "an empty weight_map");
    }
  }
  check_shards(path, index);
  for (const std::string& name : index.files)
    set.files.push_back(read_weight_header(beside(path, name), allow_pickle, set.warnings));
  check_against_index(path, index, set.files);
  if (std::optional<std::string> warning = size_warning(path, index, set.files)) {
    set.warnings.push_back(std::move(*warning));
  }
  return set;
}

WeightSet read_weight_folder(const std::string& folder, bool allow_pickle) {
  const WeightListing listing = list_weights(folder);
  WeightSet set =
      listing.indices.empty()
          ? read_weight_files(folder, weights_by_name(folder, listing, allow_pickle), allow_pickle)
          : read_shard_index(inside(folder, choose(listing.indices, index_stem, folder)), allow_pickle);
  set.label = folder;
  warn_of_unused(set, listing, folder, allow_pickle);
  return set;
}

std::vector<WeightGroup> weight_groups(const std::string& folder,
                                       const std::function<bool(const std::string& path)>& whole,
                                       bool allow_pickle) {
  const WeightListing listing = list_weights(folder);
  std::vector<WeightGroup> groups;
  std::set<std::string> named;
  for (const std::string& name : listing.indices) {
    groups.push_back({inside(folder, name), {}});
    const ShardIndex index = read_index(inside(folder, name));
    named.insert(index.files.begin(), index.files.end());
  }
  if (listing.indices.empty()) {
    for (const auto& [key, names] : listing.shards) {
      groups.push_back({folder, shard_paths(folder, names, key.second)});
    }
  }
  const bool has_transformer = !groups.empty() || std::ranges::any_of(listing.singles, is_usual);
  std::vector<std::string> loose;
  std::vector<std::string> apart;
  for (const std::string& name : listing.singles) {
    if (named.contains(name)) continue;
    (listing.torch.empty() || has_transformer || whole(inside(folder, name)) ? apart : loose).push_back(name);
  }
  if (loose.size() > 1)
    std::ranges::move(take_bystanders(folder, allow_pickle, loose), std::back_inserter(apart));
  for (const std::string& name : apart) groups.push_back({inside(folder, name), {}});
  std::vector<std::string> shards;
  for (const std::string& name : loose) shards.push_back(inside(folder, name));
  if (!shards.empty()) groups.push_back({folder, std::move(shards)});
  for (const std::string& name : listing.torch) groups.push_back({inside(folder, name), {}});
  return groups;
}

}  // namespace ditmill::registry
