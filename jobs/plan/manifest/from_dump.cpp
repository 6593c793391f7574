#include "jobs/plan/manifest/from_dump.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "configs/component_name.h"
#include "configs/dump.h"
#include "configs/error.h"
#include "configs/yaml_reader.h"
#include "jobs/plan/manifest/json_tree.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/run/frozen/frozen_files.h"
#include "jobs/run/frozen/json_difference.h"
#include "registry/byte_source.h"
#include "registry/digest.h"
#include "registry/formats/json_document.h"

namespace ditmill::jobs::plan {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr const char* reading_dump = "read a config dump";
constexpr const char* dump_version = "1.0";
constexpr std::uint64_t largest_dump = std::uint64_t{64} << 20;
constexpr configs::Bounds<int> threads_bounds{1, 1024};
constexpr std::string_view layer1_key = "layer1_model_definition";
constexpr std::string_view layer2_key = "layer2_inference_config";
constexpr std::string_view item_key = "layer3_request";
constexpr std::string_view items_key = "layer3_requests";

YamlNode mapping_at(const YamlNode& place) {
  YamlNode node;
  node.kind = YamlNode::Kind::mapping;
  node.line = place.line;
  node.column = place.column;
  return node;
}

YamlNode text_at(const YamlNode& place, std::string text) {
  YamlNode node = mapping_at(place);
  node.kind = YamlNode::Kind::scalar;
  node.text = std::move(text);
  node.quoted = true;
  return node;
}

void put(YamlNode& mapping, std::string key, YamlNode value) {
  YamlNode name = text_at(value, std::move(key));
  name.quoted = false;
  mapping.entries.emplace_back(std::move(name), std::move(value));
}

/// A mapping's value under a key, taken out of it.
std::optional<YamlNode> take(YamlNode& mapping, std::string_view key) {
  const auto found = std::find_if(mapping.entries.begin(), mapping.entries.end(),
                                  [key](const auto& entry) { return entry.first.text == key; });
  if (found == mapping.entries.end()) return std::nullopt;
  YamlNode value = std::move(found->second);
  mapping.entries.erase(found);
  return value;
}

bool is_empty(const YamlNode& node) {
  return node.kind == YamlNode::Kind::null || (node.kind == YamlNode::Kind::scalar && node.text.empty());
}

/// Gives what is kept by component the names of now, as configs::with_component_names() does.
void name_components(YamlNode& root) {
  for (auto& [layer, fields] : root.entries) {
    if (layer.text != layer1_key && layer.text != layer2_key) continue;
    for (auto& [field, value] : fields.entries) {
      if (field.text != "components" && field.text != "variants") continue;
      for (auto& [name, component] : value.entries) name.text = configs::component_named(name.text);
    }
  }
}

/// The dump of nothing: which fields there are, and which of them hold others.
nlohmann::json shape_of_layers() {
  nlohmann::json layer1 = configs::dump_layer1({}, {.components = {{}}});
  return {{layer1_key, std::move(layer1)}, {layer2_key, configs::dump_layer2({})}, {"threads", 1}};
}

nlohmann::json shape_of_run() {
  const nlohmann::json layers = shape_of_layers();
  nlohmann::json shape = configs::dump_config("", "", layers.at(layer1_key), layers.at(layer2_key));
  shape["threads"] = layers.at("threads");
  shape["name"] = "";
  shape["output"] = dump_output({});
  shape["output"]["video"] = nullptr;  // a word, or fields
  shape[items_key] = {{"file", ""}, {"items", 0}, {"sha256", ""}};
  return shape;
}

nlohmann::json shape_of_item() {
  nlohmann::json shape = shape_of_layers();
  shape[item_key] = configs::dump_layer3({});
  return shape;
}

class DumpReader {
 public:
  DumpReader(const std::string& path, std::vector<std::string> sets, std::vector<Problem>& problems)
      : path_(path), problems_(problems) {
    dumped_.source.file = path;
    dumped_.source.directory = std::filesystem::absolute(path).parent_path().lexically_normal().string();
    dumped_.source.sets = std::move(sets);
  }

  DumpedJob read() {
    const std::size_t before = problems_.size();
    refuse_sets();
    const std::string text = registry::read_text(path_, largest_dump);
    YamlNode root = json_tree(text, reading_dump, path_);
    name_components(root);
    dumped_.dump = registry::parse_json(text, reading_dump, path_);
    for (const std::string_view layer : {layer1_key, layer2_key}) {
      const auto found = dumped_.dump.find(layer);
      if (found != dumped_.dump.end()) *found = configs::with_component_names(std::move(*found));
    }
    const bool of_item = root.find(item_key) != nullptr;
    if (!of_item && !right_version(root)) return std::move(dumped_);
    require_shape(root, of_item ? shape_of_item() : shape_of_run(), {});
    const YamlNode* output = of_item ? nullptr : root.find("output");
    const YamlNode* video = output == nullptr ? nullptr : output->find("video");
    if (video != nullptr && video->kind == YamlNode::Kind::mapping) {
      results::OutputConfig with_video;
      with_video.video.emplace();
      require_shape(*video, dump_output(with_video).at("video"), "output.video");
    }
    if (of_item && root.find(items_key) != nullptr) {
      problem(root, "the dump is of one item and of many",
              "one of " + std::string{item_key} + " and " + std::string{items_key});
    }
    if (problems_.size() > before) return std::move(dumped_);
    dumped_.source.tree = manifest_of(std::move(root), of_item);
    return std::move(dumped_);
  }

 private:
  void problem(const YamlNode& node, std::string message, std::string expected = {}, std::string got = {}) {
    problems_.push_back({.file = path_,
                         .line = node.line,
                         .column = node.column,
                         .message = std::move(message),
                         .expected = std::move(expected),
                         .got = std::move(got)});
  }

  /// What is given whole, or follows from the dump, cannot be set.
  void refuse_sets() {
    for (const std::string& set : dumped_.source.sets) {
      const std::string key = set.substr(0, set.find('='));
      std::string expected;
      if (key == "model" || key == "pipeline") {
        expected =
            "fields of it, as " + key + (key == "model" ? ".path" : ".steps") + ": the others stay as dumped";
      } else if (key == "requests" || key.starts_with("requests.")) {
        expected = "no option: the items are those of the dump, final";
      } else if (key == "pipeline.preset") {
        expected = "no option: the dump has every field that a preset would fill";
      }
      if (expected.empty()) continue;
      problems_.push_back({.file = "--set " + printable(key, max_shown),
                           .message = "cannot be set for a job from a dump",
                           .expected = std::move(expected)});
    }
  }

  bool right_version(const YamlNode& root) {
    const YamlNode* version = root.find("version");
    if (root.kind != YamlNode::Kind::mapping) {
      problem(root, "not a dump", "an object, as RUN/config.json", describe(root));
      return false;
    }
    if (version == nullptr) {
      problem(root, "not a dump: version is missing", "RUN/config.json, or an item's config_json");
      return false;
    }
    if (version->kind == YamlNode::Kind::scalar && version->text == dump_version) return true;
    problem(*version, "this version cannot read a dump of this version", dump_version, describe(*version));
    return false;
  }

  /// Every field must be there, and hold fields or a list where this version's do.
  void require_shape(const YamlNode& node, const nlohmann::json& shape, const std::string& where) {
    const std::string name = where.empty() ? "the dump" : where;
    // `auto` stands where a number may be, too.
    const bool text = node.kind == YamlNode::Kind::scalar && (node.quoted || shape == "auto");
    if (shape.is_string() && !text) {
      return problem(node, name + " has the wrong type", "text", describe(node));
    }
    if (shape.is_array()) {
      if (node.kind != YamlNode::Kind::sequence) {
        return problem(node, name + " has the wrong type", "a list", describe(node));
      }
      for (std::size_t i = 0; i < node.items.size() && !shape.empty(); ++i) {
        require_shape(node.items[i], shape[0], name + "." + std::to_string(i));
      }
    }
    if (!shape.is_object()) return;
    if (node.kind != YamlNode::Kind::mapping) {
      return problem(node, name + " has the wrong type", "an object", describe(node));
    }
    const std::string prefix = where.empty() ? "" : where + ".";
    for (const auto& [key, inner] : shape.items()) {
      const std::string path = prefix + key;
      if (const YamlNode* value = node.find(key)) {
        require_shape(*value, inner, path);
      } else {
        problem(node, path + " is missing: a dump leaves nothing to defaults",
                "a dump that this version wrote, as it was written");
      }
    }
  }

  YamlNode manifest_of(YamlNode root, bool of_item) {
    YamlNode manifest = mapping_at(root);
    YamlNode schema = text_at(root, "1");
    schema.quoted = false;
    put(manifest, "schema", std::move(schema));
    put(manifest, "name", of_item ? *root.find(item_key)->find("id") : *root.find("name"));
    put(manifest, "model", model_of(*take(root, layer1_key)));
    put(manifest, "pipeline", pipeline_of(*take(root, layer2_key)));
    if (of_item) {
      put(manifest, "requests", one_item(*take(root, item_key)));
      put(manifest, "output", mapping_at(root));
    } else {
      put(manifest, "requests", frozen_items(*take(root, items_key)));
      put(manifest, "output", *take(root, "output"));
    }
    MapReader{root, "", path_, problems_}.read("threads", dumped_.threads, threads_bounds);
    return manifest;
  }

  static YamlNode model_of(YamlNode layer1) {
    for (const char* found_in_weights : {"models", "experts", "quantization", "prediction_type"}) {
      take(layer1, found_in_weights);
    }
    // What is not set is there nevertheless, as nothing.
    std::erase_if(layer1.entries, [](const auto& entry) { return is_empty(entry.second); });
    return layer1;
  }

  static YamlNode pipeline_of(YamlNode layer2) {
    const YamlNode window = *take(layer2, "text_window");
    take(layer2, "negative_prompt_suffix");
    if (is_empty(*layer2.find("preset"))) take(layer2, "preset");
    for (auto& [key, components] : layer2.entries) {
      if (key.text != "components") continue;
      for (auto& [name, component] : components.entries) {
        if (name.text == "text_encoder") put(component, "window", window);
      }
    }
    return layer2;
  }

  YamlNode one_item(YamlNode request) {
    dumped_.negative_prompt = request.find("negative_prompt")->text;
    YamlNode requests = mapping_at(request);
    YamlNode items = mapping_at(request);
    items.kind = YamlNode::Kind::sequence;
    items.items.push_back(std::move(request));
    put(requests, "items", std::move(items));
    return requests;
  }

  YamlNode frozen_items(const YamlNode& list) {
    const YamlNode& file = *list.find("file");
    const YamlNode& sha256 = *list.find("sha256");
    const std::string path = absolute_path(dumped_.source.directory, file.text);
    YamlNode requests = mapping_at(list);
    put(requests, "file", text_at(file, path));
    try {
      const std::string found = run::list_sha256(path);
      if (found != sha256.text) {
        problem(sha256, "the items are not those of the dump: " + printable(path),
                printable(sha256.text, max_shown), found);
      }
    } catch (const Error& error) {
      if (exit_code(error.category()) != 1) throw;
      problem(file, "the dump's items cannot be read: " + printable(path),
              "the requests.jsonl of its run directory, beside the dump", error.got());
    }
    return requests;
  }

  std::string path_;
  std::vector<Problem>& problems_;
  DumpedJob dumped_;
};

std::string shown(const nlohmann::json& value) {
  return value.is_null()
             ? "unset"
             : printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), max_shown);
}

}  // namespace

nlohmann::json dump_output(const results::OutputConfig& output) {
  nlohmann::json video = "none";
  if (output.video) {
    video = {{"codec", results::video_codec},
             {"crf", output.video->crf},
             {"pix_fmt", name(output.video->pix_fmt)}};
  }
  nlohmann::json dump{{"frames", output.frames},
                      {"video", std::move(video)},
                      {"latents", output.latents},
                      {"compression", output.gzip == 0 ? "none" : "gzip-" + std::to_string(output.gzip)},
                      {"items_per_part", output.items_per_part ? nlohmann::json(*output.items_per_part)
                                                               : nlohmann::json("auto")}};
  if (output.keep_inputs) dump["keep_inputs"] = *output.keep_inputs;
  for (const std::string& name : output.more) dump[name] = true;
  return dump;
}

DumpedJob read_dump(const std::string& path, std::vector<std::string> sets, std::vector<Problem>& problems) {
  return DumpReader{path, std::move(sets), problems}.read();
}

void settle_dump(const DumpedJob& dumped, Manifest& manifest) {
  const nlohmann::json& layer2 = dumped.dump.at(layer2_key);
  manifest.pipeline.preset = layer2.at("preset").get<std::string>();
  manifest.pipeline.negative_prompt_suffix = layer2.at("negative_prompt_suffix").get<std::string>();
  if (dumped.negative_prompt) {
    requests::ItemList items;
    for (std::size_t i = 0; i < manifest.items.size(); ++i) {
      requests::Item item = manifest.items[i];
      item.request.negative_prompt = *dumped.negative_prompt;
      items.add(item);
    }
    manifest.items = std::move(items);
  }
  YamlNode requests = mapping_at(manifest.tree);
  put(requests, "file", text_at(requests, results::RunDirectory{manifest.output.path}.requests()));
  take(manifest.tree, "requests");
  put(manifest.tree, "requests", std::move(requests));
}

std::vector<std::string> changes_since(const nlohmann::json& dump, const nlohmann::json& config) {
  static constexpr std::array fields{"ditmill_version", "device", "threads", "libraries", "identity"};
  return differences(dump, config, fields);
}

std::vector<std::string> differences(const nlohmann::json& then, const nlohmann::json& now,
                                     std::span<const char* const> fields) {
  std::vector<std::string> changes;
  for (const char* field : fields) {
    if (!then.contains(field) || !now.contains(field)) continue;
    for (const run::JsonDifference& each :
         run::json_differences({{field, then.at(field)}}, {{field, now.at(field)}})) {
      changes.push_back(printable(each.path, max_shown) + ": " + shown(each.then) + ", now " +
                        shown(each.now));
    }
  }
  return changes;
}

Error with_dump_hint(const Error& error) {
  return error.with({.hint = error.hint() + (error.hint().empty() ? "" : "; ") +
                             "or --set pipeline.parallel.dp=auto: how many groups share the items changes no "
                             "byte"});
}

}  // namespace ditmill::jobs::plan
