#include "registry/identity/weight_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/safetensors.h"
#include "registry/formats/shard_index.h"
#include "registry/formats/torch/pth.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_index = 100'000'000;
constexpr std::string_view index_suffix = ".safetensors.index.json";
constexpr std::string_view file_suffix = ".safetensors";
// What diffusers and transformers call the weights of a component: preferred where there are several.
constexpr std::array<std::string_view, 2> usual_stems{"diffusion_pytorch_model", "model"};
constexpr std::array<std::string_view, 4> torch_suffixes{".bin", ".pt", ".pth", ".ckpt"};
constexpr std::array<std::string_view, 2> other_suffixes{".gguf", ".onnx"};
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

WeightFile read_file(const std::string& path, std::vector<std::string>& warnings) {
  const FileStamp stamp = file_stamp(path);
  const std::unique_ptr<ByteSource> source = open_file(path);
  WeightFile file{path, stamp.size, stamp.mtime_ns, stamp.inode, {}};
  if (!looks_like_pth(*source)) {
    file.tensors = read_safetensors_header(*source).tensors;
    return file;
  }
  PthHeader header = read_pth_header(*source);
  file.tensors = std::move(header.tensors);
  // Of a plain dictionary of tensors, both are the hashes of its names and shapes.
  if (header.nested || !header.others.empty()) {
    file.dictionary_hash = std::move(header.key_hash);
    file.dictionary_hash_names = std::move(header.key_hash_names);
    file.nested = header.nested;
  }
  for (const std::string& other : header.others) warnings.push_back(path + ": not a tensor: " + other);
  return file;
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
  std::vector<std::string> torch;
  std::vector<std::string> others;
};

bool ends_with_any(std::string_view name, std::span<const std::string_view> suffixes) {
  return std::ranges::any_of(suffixes, [name](std::string_view suffix) { return name.ends_with(suffix); });
}

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
    } else if (std::ranges::find(ignored, name) != ignored.end()) {
      continue;
    } else if (ends_with_any(name, torch_suffixes)) {
      listing.torch.push_back(name);
    } else if (ends_with_any(name, other_suffixes)) {
      listing.others.push_back(name);
    }
  }
  if (error) throw system_error(error.value(), "list a folder", Where{.file = folder});
  std::ranges::sort(listing.indices);
  std::ranges::sort(listing.singles);
  std::ranges::sort(listing.torch);
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

/// Paths of the shards of a folder in the order of their numbers, none of which is missing.
std::vector<std::string> shard_paths(const std::string& folder, std::vector<std::string> names,
                                     std::uint64_t count) {
  check_complete(folder, names, count);
  std::ranges::sort(names, {}, [](const std::string& name) { return parse_shard_name(name)->number; });
  for (std::string& name : names) name = (fs::path{folder} / name).native();
  return names;
}

std::string without(std::string_view suffix, const std::string& name) {
  return name.substr(0, name.size() - suffix.size());
}

bool is_usual(const std::string& name) {
  return std::ranges::find(usual_stems, without(file_suffix, name)) != usual_stems.end();
}

void warn_of_unused(WeightSet& set, const Listing& listing, const std::string& folder) {
  std::vector<std::string> names = listing.singles;
  for (const auto& [stem, shards] : listing.shards) names.insert(names.end(), shards.begin(), shards.end());
  names.insert(names.end(), listing.torch.begin(), listing.torch.end());
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
  return !listing.indices.empty() || !listing.singles.empty() || !listing.shards.empty() ||
         !listing.torch.empty();
}

bool holds_pth(const std::string& folder) {
  return std::ranges::any_of(list(folder).torch,
                             [](const std::string& name) { return name.ends_with(".pth"); });
}

WeightSet read_weight_file(const std::string& path) { return read_weight_files(path, {&path, 1}); }

WeightSet read_weight_files(std::string label, std::span<const std::string> paths) {
  WeightSet set{.label = std::move(label), .files = {}, .warnings = {}};
  for (const std::string& path : paths) set.files.push_back(read_file(path, set.warnings));
  const Owners refuse_twins{set.files};
  return set;
}

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
  for (const std::string& name : index.files)
    set.files.push_back(read_file(beside(path, name), set.warnings));
  check_against_index(path, index, set.files);
  if (std::optional<std::string> warning = size_warning(path, index, set.files)) {
    set.warnings.push_back(std::move(*warning));
  }
  return set;
}

WeightSet read_weight_folder(const std::string& folder) {
  const Listing listing = list(folder);
  const auto inside = [&folder](const std::string& name) { return (fs::path{folder} / name).native(); };
  WeightSet set;
  if (!listing.indices.empty()) {
    const auto stem = [](const std::string& name) { return without(index_suffix, name); };
    set = read_shard_index(inside(choose(listing.indices, stem, folder)));
  } else if (!listing.shards.empty() && listing.singles.empty()) {
    const auto& [key, names] = choose(
        listing.shards, [](const auto& shards) { return shards.first.first; }, folder);
    set = read_weight_files(folder, shard_paths(folder, names, key.second));
  } else if (!listing.singles.empty() && listing.shards.empty()) {
    std::vector<std::string> paths;
    if (std::ranges::any_of(listing.singles, is_usual)) {
      const auto stem = [](const std::string& name) { return without(file_suffix, name); };
      paths = {inside(choose(listing.singles, stem, folder))};
    } else {
      std::ranges::transform(listing.singles, std::back_inserter(paths), inside);
    }
    set = read_weight_files(folder, paths);
  } else if (!listing.singles.empty()) {
    refuse(folder, "shards or a single file", "both, and no index that says which", {},
           "name the file to use, or remove what does not belong");
  } else if (listing.torch.size() == 1) {
    set = read_weight_file(inside(listing.torch.front()));
  } else if (!listing.torch.empty()) {
    refuse(folder, "one checkpoint of torch",
           printable(listing.torch.front(), 60) + ", " + printable(listing.torch.back(), 60) + ", ...", {},
           "name the file to use");
  } else {
    refuse(folder, "weight files",
           listing.others.empty() ? "none" : "only " + printable(listing.others.front(), 60), {},
           listing.others.empty() ? "" : "this version reads safetensors and checkpoints of torch only");
  }
  set.label = folder;
  warn_of_unused(set, listing, folder);
  return set;
}

std::vector<WeightGroup> weight_groups(const std::string& folder) {
  const Listing listing = list(folder);
  const auto inside = [&folder](const std::string& name) { return (fs::path{folder} / name).native(); };
  std::vector<WeightGroup> groups;
  std::set<std::string> named;
  for (const std::string& name : listing.indices) {
    groups.push_back({inside(name), {}});
    const ShardIndex index = parse_shard_index(read_text(inside(name), largest_index), inside(name));
    named.insert(index.files.begin(), index.files.end());
  }
  std::vector<std::string> loose;
  if (listing.indices.empty()) {
    for (const auto& [key, names] : listing.shards) {
      groups.push_back({folder, shard_paths(folder, names, key.second)});
    }
  }
  const bool has_transformer = !groups.empty() || std::ranges::any_of(listing.singles, is_usual);
  for (const std::string& name : listing.singles) {
    if (named.contains(name)) continue;
    if (listing.torch.empty() || has_transformer) {
      groups.push_back({inside(name), {}});
    } else {
      loose.push_back(inside(name));
    }
  }
  if (!loose.empty()) groups.push_back({folder, std::move(loose)});
  for (const std::string& name : listing.torch) groups.push_back({inside(name), {}});
  return groups;
}

}  // namespace ditmill::registry
