#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/formats/looks_like.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/foreign_weights.h"
#include "registry/identity/identify.h"
#include "registry/identity/model_folder.h"
#include "registry/identity/model_path.h"
#include "registry/identity/unfinished_download.h"
#include "registry/identity/weight_files.h"
#include "registry/identity/weight_listing.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_index = std::uint64_t{16} << 20;

struct Subfolder {
  std::string_view name;
  std::string_view role;
};
constexpr std::array<Subfolder, 4> subfolders{
    {{"transformer", "dit"}, {"transformer_2", "dit"}, {"text_encoder", "text_encoder"}, {"vae", "vae"}}};
// Of the official layout: Wan 2.2's two transformers.
constexpr std::array<std::string_view, 2> expert_folders{"high_noise_model", "low_noise_model"};
// Where tokenizers are: the diffusers layout's place, then the official one's.
constexpr std::array<std::string_view, 3> tokenizer_folders{"tokenizer", "google/umt5-xxl", "umt5-xxl"};
constexpr std::array<std::string_view, 2> tokenizer_files{"spiece.model", "tokenizer.json"};
// Named in model_index.json, and not weights that ditmill reads.
constexpr std::array<std::string_view, 2> without_weights{"tokenizer", "scheduler"};

[[noreturn]] void refuse(const std::string& file, std::string key, std::string expected, std::string got,
                         std::string hint = {}) {
  throw Error{Category::bad_input,           opening_model,       Where{.file = file, .key = std::move(key)},
              Expected{std::move(expected)}, Got{std::move(got)}, std::move(hint)};
}

/// What model_index.json says of the components.
class ModelIndex {
 public:
  explicit ModelIndex(const std::string& folder) : file_(inside(folder, "model_index.json")) {
    if (!is_there(file_)) return;
    there_ = true;
    refuse_unfinished(file_);
    const std::string text = read_text(file_, largest_index);
    json_ = told_apart(text, [&] { return parse_json(text, "read model_index.json", file_); });
    if (!json_.is_object()) refuse(file_, "", "an object", json_.type_name());
    for (const auto& [key, value] : json_.items()) check_entry(key, value);
  }

  bool there() const noexcept { return there_; }
  const std::string& file() const noexcept { return file_; }

  /// Whether it names a component: as [library, class], not as [null, null].
  bool names(std::string_view component) const {
    const auto found = json_.find(component);
    return found != json_.end() && found->is_array() && !(*found)[0].is_null();
  }

  bool has_boundary() const {
    const auto found = json_.find("boundary_ratio");
    return found != json_.end() && !found->is_null();
  }

  std::vector<std::string> unused() const {
    std::vector<std::string> unused;
    for (const auto& [key, value] : json_.items()) {
      const bool known = std::ranges::find(without_weights, key) != without_weights.end() ||
                         std::ranges::find(subfolders, key, &Subfolder::name) != subfolders.end();
      if (!known && value.is_array() && names(key)) unused.push_back(key);
    }
    return unused;
  }

 private:
  void check_entry(const std::string& key, const nlohmann::json& value) const {
    if (key == "boundary_ratio" && !value.is_null() && !value.is_number()) {
      refuse(file_, key, "a number or null", printable(value.dump(), 60));
    }
    const bool component = std::ranges::find(without_weights, key) != without_weights.end() ||
                           std::ranges::find(subfolders, key, &Subfolder::name) != subfolders.end();
    if (!component && !value.is_array()) return;
    const auto word = [](const nlohmann::json& item) { return item.is_string() || item.is_null(); };
    if (!value.is_array() || value.size() != 2 || !word(value[0]) || !word(value[1]) ||
        value[0].is_null() != value[1].is_null()) {
      refuse(file_, printable(key, 60), "[library, class] or [null, null]",
             printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 60));
    }
  }

  std::string file_;
  bool there_ = false;
  nlohmann::json json_ = nlohmann::json::object();
};

/// The tokenizer's file in a model folder; empty if there is none.
std::string tokenizer_in(const std::string& path) {
  for (const std::string_view folder : tokenizer_folders) {
    for (const std::string_view name : tokenizer_files) {
      std::string file = inside(inside(path, folder), name);
      if (is_there(file) && !is_folder(file)) return file;
    }
  }
  return {};
}

ModelPlaces find_in_model_folder(const std::string& path) {
  ModelPlaces places{.path = path, .components = {}, .tokenizer_path = tokenizer_in(path), .warnings = {}};
  const ModelIndex index{path};
  const bool two_experts = index.there() ? index.names("transformer_2") || index.has_boundary()
                                         : is_folder(inside(path, "transformer_2"));
  for (const auto& [name, role] : subfolders) {
    const std::string folder = inside(path, name);
    if (!is_folder(folder)) {
      if (index.names(name)) {
        refuse(
            index.file(), std::string{name}, "a folder of this name beside it", "none",
            "its download did not finish, or only a part was fetched: fetch the folder " + folder + " again");
      }
      continue;
    }
    if (index.there() && !index.names(name)) {
      places.warnings.push_back(folder + ": not used, model_index.json does not name it");
      continue;
    }
    places.components.push_back({.path = folder,
                                 .shards = {},
                                 .folder_role = std::string{role},
                                 .expert_folder = role == "dit" && two_experts ? std::string{name} : "",
                                 .name = role == "dit" && two_experts ? "" : std::string{name}});
  }
  for (const std::string& name : index.unused()) {
    places.warnings.push_back(index.file() + ": " + printable(name, 60) + " is not used");
  }
  if (places.tokenizer_path.empty() && (is_folder(inside(path, "tokenizer")) || index.names("tokenizer"))) {
    places.warnings.push_back(inside(path, "tokenizer") + ": no spiece.model and no tokenizer.json in it");
  }
  return places;
}

bool has_experts(const std::string& path) {
  return std::ranges::any_of(expert_folders,
                             [&](std::string_view name) { return is_folder(inside(path, name)); });
}

/// What a file is on its own, by its header; empty for one that cannot be read.
std::string role_of(const std::string& path, const Catalog& catalog) {
  try {
    const WeightSet set = read_weight_file(path);
    return identify(ShapeTable{named_shapes(set.files.front().tensors)}, catalog, {}).role;
  } catch (const Error&) {
    return {};
  }
}

std::vector<WeightGroup> groups_in(const std::string& path, const Catalog& catalog) {
  return weight_groups(path, [&catalog](const std::string& file) { return !role_of(file, catalog).empty(); });
}

/// Whether files of free names in a folder are components of several roles, as community repackagings are.
bool is_flat_model(const std::string& path, const Catalog& catalog) {
  const WeightListing listing = list_weights(path);
  if (listing.singles.size() + listing.torch.size() < 2) return false;
  std::set<std::string> roles;
  for (const std::vector<std::string>& names : {listing.singles, listing.torch}) {
    for (const std::string& name : names) roles.insert(role_of(inside(path, name), catalog));
  }
  roles.erase("");
  roles.erase("lora");
  return roles.size() > 1;
}

/// Whether a folder that holds weights is a whole model in the official layout, not one component.
bool is_official(const std::string& path, const Catalog& catalog) {
  return has_experts(path) || !tokenizer_in(path).empty() ||
         (holds_pth(path) && groups_in(path, catalog).size() > 1) || is_flat_model(path, catalog);
}

ModelPlaces find_in_official_folder(const std::string& path, const Catalog& catalog) {
  ModelPlaces places{.path = path, .components = {}, .tokenizer_path = tokenizer_in(path), .warnings = {}};
  for (const std::string_view name : expert_folders) {
    const std::string folder = inside(path, name);
    if (!is_folder(folder)) continue;
    places.components.push_back({.path = folder,
                                 .shards = {},
                                 .folder_role = "dit",
                                 .expert_folder = std::string{name},
                                 .official = true});
  }
  const bool one_transformer = places.components.empty();
  for (WeightGroup& group : groups_in(path, catalog)) {
    places.components.push_back(
        {.path = group.label,
         .shards = std::move(group.shards),
         .folder_role = "",
         .expert_folder = one_transformer ? std::optional<std::string>{""} : std::nullopt,
         .official = true});
  }
  return places;
}

bool has_subfolders(const std::string& path) {
  return std::ranges::any_of(subfolders,
                             [&](const Subfolder& sub) { return is_folder(inside(path, sub.name)); });
}

/// For a folder that is no model: where one is, or what there is instead.
[[noreturn]] void refuse_folder(const std::string& path) {
  std::string hint = unfinished_hint(path);
  if (hint.empty()) {
    const std::vector<std::string> models = models_inside(path);
    for (const std::string& model : models) {
      hint += (hint.empty() ? "models are inside; name one: " : ", ") + printable(model, 400);
    }
  }
  std::string got = "neither";
  if (const std::optional<ForeignWeights> foreign = hint.empty() ? foreign_folder(path) : std::nullopt) {
    got = "only " + printable(foreign->name, 100) + ", " + foreign->what;
    hint = foreign->cure;
  }
  refuse(path, "",
         "a model folder in the diffusers layout (model_index.json, transformer, text_encoder, vae) or the "
         "official "
         "one, or a folder with weight files",
         std::move(got), std::move(hint));
}

}  // namespace

ModelPlaces find_components(const std::string& path, const Catalog& catalog) {
  if (!is_there(path)) refuse_missing_model(path, path);
  ModelPlaces alone{.path = path, .components = {{.path = path}}, .tokenizer_path = {}, .warnings = {}};
  if (!is_folder(path)) {
    refuse_unfinished(path);
    file_stamp(path);
    return alone;
  }
  if (is_there(inside(path, "model_index.json")) || has_subfolders(path)) return find_in_model_folder(path);
  if (!holds_weights(path) && !has_experts(path)) refuse_folder(path);
  return is_official(path, catalog) ? find_in_official_folder(path, catalog) : alone;
}

}  // namespace ditmill::registry
