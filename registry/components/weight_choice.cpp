#include "registry/components/weight_choice.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/looks_like.h"
#include "registry/formats/shard_index.h"
#include "registry/identity/bystander.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/foreign_weights.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_files.h"
#include "registry/identity/weight_listing.h"
#include "registry/key_hash.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t largest_torch_index = 100'000'000;
constexpr std::string_view first_kind = ".safetensors";

/// The index of the files of a kind (`pytorch_model.bin.index.json`), by its path; empty if there is none.
std::string torch_index_in(const std::string& folder, std::string_view kind) {
  const std::string end = std::string{kind} + ".index.json";
  for (const std::string& name : names_in(folder)) {
    if (name.ends_with(end)) return inside(folder, name);
  }
  return {};
}

/// Keeps the files that an index names, all of which are there.
void keep_indexed(const std::string& folder, const std::string& path, std::vector<std::string>& names,
                  WeightChoice& choice) {
  refuse_unfinished(path);
  const std::string text = read_text(path, largest_torch_index);
  const ShardIndex index = told_apart(text, [&] { return parse_shard_index(text, path); });
  for (const std::string& name : index.files) {
    if (is_there(inside(folder, name))) continue;
    refuse_unfinished(inside(folder, name));
    throw Error{Category::not_found,
                "open a shard",
                Where{.file = inside(folder, name)},
                Expected{"a file that " + path + " names"},
                Got{"No such file or directory"},
                "its download did not finish: fetch what is missing again"};
  }
  std::erase_if(names, [&](const std::string& name) {
    if (std::ranges::find(index.files, name) != index.files.end()) return false;
    choice.notes.push_back(inside(folder, name) + ": not used, " + path + " does not name it");
    return true;
  });
}

std::string_view bystander_of_file(const std::string& path) {
  const WeightSet set = read_weight_file(path);
  return bystander(named_shapes(set.files.front().tensors));
}

/// Takes out what is no part of a model, unless that is all there is.
void leave_bystanders(const std::string& folder, std::vector<std::string>& names, WeightChoice& choice) {
  if (names.size() < 2) return;
  std::vector<std::string> left;
  std::vector<std::string> notes;
  for (const std::string& name : names) {
    const std::string_view kind = bystander_of_file(inside(folder, name));
    if (kind.empty()) {
      left.push_back(name);
    } else {
      notes.push_back(unused_bystander(inside(folder, name), kind));
    }
  }
  if (left.empty()) return;
  names = std::move(left);
  choice.notes.insert(choice.notes.end(), notes.begin(), notes.end());
}

/// What training keeps beside weights is left out by its name, and told.
void leave_training(const std::string& folder, WeightChoice& choice) {
  for (const std::string& name : names_in(folder)) {
    if (is_not_for_inference(name) || is_training_name(name))
      choice.notes.push_back(inside(folder, name) + ": not used, it is not needed for inference");
  }
}

}  // namespace

WeightChoice choose_weights(const std::string& folder, const ComponentType& type) {
  WeightChoice choice;
  leave_training(folder, choice);
  const WeightListing listing = list_weights(folder);
  if (!listing.indices.empty() || !listing.singles.empty() || !listing.shards.empty()) return choice;
  for (const std::string_view kind : type.weight_files) {
    if (kind == first_kind) continue;
    std::vector<std::string> names;
    std::ranges::copy_if(listing.torch, std::back_inserter(names), [kind](const std::string& name) {
      return name.ends_with(kind) && !is_not_for_inference(name);
    });
    if (names.empty()) continue;
    if (const std::string index = torch_index_in(folder, kind); !index.empty())
      keep_indexed(folder, index, names, choice);
    leave_bystanders(folder, names, choice);
    for (const std::string& name : listing.torch) {
      if (!name.ends_with(kind) && !is_not_for_inference(name))
        choice.notes.push_back(inside(folder, name) + ": not used, there are files in " + std::string{kind});
    }
    for (const std::string& name : names) choice.files.push_back(inside(folder, name));
    return choice;
  }
  return choice;
}

}  // namespace ditmill::registry
