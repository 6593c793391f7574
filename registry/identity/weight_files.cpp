#include "registry/identity/weight_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/safetensors.h"
#include "registry/formats/shard_index.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_index = 100'000'000;
constexpr std::string_view index_suffix = ".safetensors.index.json";
constexpr std::string_view file_suffix = ".safetensors";
// What diffusers and transformers call the weights of a component: preferred where there are several.
constexpr std::array<std::string_view, 2> usual_stems{"diffusion_pytorch_model", "model"};
constexpr std::array<std::string_view, 6> other_suffixes{".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx"};
// What training leaves beside the weights.
constexpr std::array<std::string_view, 5> ignored{"training_args.bin", "optimizer.bin", "optimizer.pt",
                                                  "scheduler.pt", "scaler.pt"};

[[noreturn]] void refuse(const std::string& path, std::string expected, std::string got,
                         std::string tensor = {}, std::string hint = {}) {
  throw Error{Category::bad_input,
              "gather the weight files of a component",
              Where{.file = path, .tensor = std::move(tensor)},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

std::string beside(const std::string& path, const std::string& name) {
  return (fs::path{path}.parent_path() / name).native();
}

WeightFile read_file(const std::string& path) {
  const FileStamp stamp = file_stamp(path);
  SafetensorsHeader header = read_safetensors_header(*open_file(path));
  return {path, stamp.size, stamp.mtime_ns, stamp.inode, std::move(header.tensors)};
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
          refuse(files[i].path, "every tensor in one shard", "it is also in " + files[other->second].path,
                 tensor.name);
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
    refuse(path, "a tensor that " + files[shard].path + " holds",
           owner ? "it is in " + files[*owner].path : "no shard holds it", tensor,
           "index and shards are not of one download: fetch both again");
  }
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    for (const TensorInfo& tensor : files[i].tensors) {
      const auto named =
          std::ranges::lower_bound(index.tensors, std::string_view{tensor.name}, {},
                                   [](const auto& entry) { return std::string_view{entry.first}; });
      if (named != index.tensors.end() && named->first == tensor.name) continue;
      refuse(path, "every tensor of " + files[i].path, "no mention of it", tensor.name,
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

/// Names in a folder that could hold weights, by what they are.
struct Listing {
  std::vector<std::string> indices;
  std::vector<std::string> singles;
  std::map<std::pair<std::string, std::uint64_t>, std::vector<std::string>> shards;  // by stem and count
  std::vector<std::string> others;
};

Listing list(const std::string& folder) {
  Listing listing;
  std::error_code error;
  fs::directory_iterator entries{folder, error};
  for (; !error && entries != fs::directory_iterator{}; entries.increment(error)) {
    const std::string name = entries->path().filename().native();
    if (name.ends_with(index_suffix)) {
      listing.indices.push_back(name);
    } else if (name.ends_with(file_suffix)) {
      const std::optional<ShardName> shard = parse_shard_name(name);
      (shard ? listing.shards[{shard->stem, shard->count}] : listing.singles).push_back(name);
    } else if (std::ranges::any_of(other_suffixes, [&](std::string_view s) { return name.ends_with(s); }) &&
               std::ranges::find(ignored, name) == ignored.end()) {
      listing.others.push_back(name);
    }
  }
  if (error) throw system_error(error.value(), "list a folder", Where{.file = folder});
  std::ranges::sort(listing.indices);
  std::ranges::sort(listing.singles);
  std::ranges::sort(listing.others);
  for (auto& [stem, names] : listing.shards) std::ranges::sort(names);
  return listing;
}

/// The file to use among several of a kind: the only one, or the one of the usual name.
template <typename Names, typename StemOf>
const typename Names::value_type& choose(const Names& names, const StemOf& stem_of,
                                         const std::string& folder) {
  if (names.size() == 1) return *names.begin();
  for (const std::string_view stem : usual_stems) {
    for (const auto& name : names) {
      if (stem_of(name) == stem) return name;
    }
  }
  std::string got;
  for (const auto& name : names) got += (got.empty() ? "" : ", ") + printable(stem_of(name), 60);
  refuse(folder, "one set of weights, or one with a usual name (diffusion_pytorch_model, model)", got, {},
         "name the file or the index to use");
}

void check_complete(const std::string& folder, std::span<const std::string> names, std::uint64_t count) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names) numbers.push_back(parse_shard_name(name)->number);
  std::ranges::sort(numbers);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == i + 1 && numbers[i] <= count) continue;
    refuse(folder, "shards 1 to " + std::to_string(count),
           "no shard " + std::to_string(i + 1) + ", but a shard " + std::to_string(numbers[i]), {},
           "fetch the folder again");
  }
  if (numbers.size() != count) {
    refuse(folder, "shards 1 to " + std::to_string(count), "no shard " + std::to_string(numbers.size() + 1),
           {}, "fetch the folder again");
  }
}

WeightSet read_shards(const std::string& folder, std::vector<std::string> names, std::uint64_t count) {
  check_complete(folder, names, count);
  std::ranges::sort(names, {}, [](const std::string& name) { return parse_shard_name(name)->number; });
  WeightSet set{.label = folder, .files = {}, .warnings = {}};
  for (const std::string& name : names) set.files.push_back(read_file((fs::path{folder} / name).native()));
  const Owners refuse_twins{set.files};
  return set;
}

void warn_of_unused(WeightSet& set, const Listing& listing, const std::string& folder) {
  std::vector<std::string> names = listing.singles;
  for (const auto& [stem, shards] : listing.shards) names.insert(names.end(), shards.begin(), shards.end());
  names.insert(names.end(), listing.others.begin(), listing.others.end());
  for (const std::string& name : names) {
    const std::string path = (fs::path{folder} / name).native();
    const bool used =
        std::ranges::any_of(set.files, [&](const WeightFile& file) { return file.path == path; });
    if (!used) set.warnings.push_back(path + ": not used");
  }
}

}  // namespace

bool is_shard_index(std::string_view path) { return path.ends_with(index_suffix); }

bool holds_weights(const std::string& folder) {
  const Listing listing = list(folder);
  return !listing.indices.empty() || !listing.singles.empty() || !listing.shards.empty();
}

WeightSet read_weight_file(const std::string& path) { return {path, {read_file(path)}, {}}; }

WeightSet read_shard_index(const std::string& path) {
  const ShardIndex index = parse_shard_index(read_text(path, largest_index), path);
  WeightSet set{.label = path, .files = {}, .warnings = {}};
  if (index.files.empty()) {
    const Listing listing =
        list(fs::path{path}.has_parent_path() ? fs::path{path}.parent_path().native() : ".");
    if (!listing.shards.empty() || !listing.singles.empty()) {
      refuse(path, "a weight_map of the files beside it", "an empty weight_map");
    }
  }
  for (const std::string& name : index.files) set.files.push_back(read_file(beside(path, name)));
  check_against_index(path, index, set.files);
  if (std::optional<std::string> warning = size_warning(path, index, set.files)) {
    set.warnings.push_back(std::move(*warning));
  }
  return set;
}

WeightSet read_weight_folder(const std::string& folder) {
  const Listing listing = list(folder);
  WeightSet set;
  const auto without = [](std::string_view suffix) {
    return [suffix](const std::string& name) { return name.substr(0, name.size() - suffix.size()); };
  };
  if (!listing.indices.empty()) {
    set = read_shard_index(
        (fs::path{folder} / choose(listing.indices, without(index_suffix), folder)).native());
    set.label = folder;
  } else if (!listing.shards.empty() && listing.singles.empty()) {
    const auto& [key, names] = choose(
        listing.shards, [](const auto& shards) { return shards.first.first; }, folder);
    set = read_shards(folder, names, key.second);
  } else if (!listing.singles.empty() && listing.shards.empty()) {
    set =
        read_weight_file((fs::path{folder} / choose(listing.singles, without(file_suffix), folder)).native());
    set.label = folder;
  } else if (!listing.singles.empty()) {
    refuse(folder, "shards or a single file", "both, and no index that says which", {},
           "name the file to use, or remove what does not belong");
  } else {
    refuse(folder, "safetensors files",
           listing.others.empty() ? "none" : "only " + printable(listing.others.front(), 60), {},
           listing.others.empty() ? "" : "this version reads safetensors only");
  }
  warn_of_unused(set, listing, folder);
  return set;
}

}  // namespace ditmill::registry
