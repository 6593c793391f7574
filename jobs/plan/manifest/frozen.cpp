#include "jobs/plan/manifest/frozen.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/overrides.h"
#include "configs/yaml_text.h"
#include "jobs/plan/manifest/manifest.h"

namespace ditmill::jobs::plan {
namespace {

using configs::YamlNode;

void flatten(const YamlNode& node, const std::string& path, std::map<std::string, std::string>& out) {
  if (path == "requests.items") return;
  if (node.items.empty() && node.entries.empty()) out[path] = printable(describe(node), max_shown);
  for (std::size_t i = 0; i < node.items.size(); ++i)
    flatten(node.items[i], path + "." + std::to_string(i), out);
  for (const auto& [key, value] : node.entries) {
    flatten(value, path.empty() ? key.text : path + "." + key.text, out);
  }
}

std::map<std::string, std::string> leaves(const std::string& text) {
  std::vector<Problem> ignored;
  std::map<std::string, std::string> out;
  flatten(configs::parse_yaml(text, {}, ignored), {}, out);
  return out;
}

void make_absolute(YamlNode& path, const std::string& directory) {
  if (path.kind == YamlNode::Kind::scalar && !path.text.empty())
    path.text = absolute_path(directory, path.text);
  for (YamlNode& each : path.items) make_absolute(each, directory);
  for (auto& [key, value] : path.entries) {
    if (key.text == "path") make_absolute(value, directory);
  }
}

/// Pictures' paths among the fields of requests.
void make_pictures_absolute(YamlNode& fields, const std::string& directory) {
  for (auto& [key, value] : fields.entries) {
    const configs::Field* field = configs::field_named(configs::family_request_fields(), key.text);
    if (field != nullptr && field->kind == configs::FieldKind::picture) make_absolute(value, directory);
  }
}

YamlNode* find(YamlNode& mapping, std::string_view wanted) {
  for (auto& [key, value] : mapping.entries) {
    if (key.text == wanted) return &value;
  }
  return nullptr;
}

}  // namespace

std::string frozen_manifest(const Manifest& manifest, const std::string& directory) {
  std::vector<Problem> ignored;  // decode_manifest() has reported them
  YamlNode root = manifest.tree;
  const auto set = [&](const std::string& key, const std::string& path) {
    configs::apply_override(root, key + "=" + configs::yaml_quoted(path), ignored);
  };
  for (const auto& [section, key] :
       {std::pair{"model", "path"}, {"model", "catalog"}, {"requests", "file"}, {"requests", "directory"}}) {
    const YamlNode* mapping = root.find(section);
    const YamlNode* path = mapping == nullptr ? nullptr : mapping->find(key);
    if (path == nullptr || path->kind != YamlNode::Kind::scalar) continue;
    set(std::string{section} + "." + key, absolute_path(directory, path->text));
  }
  const YamlNode* model = root.find("model");
  const YamlNode* components = model == nullptr ? nullptr : model->find("components");
  if (components != nullptr) {
    for (const auto& [name, component] : YamlNode{*components}.entries) {
      const bool fields = component.kind == YamlNode::Kind::mapping;
      const YamlNode* path = fields ? component.find("path") : &component;
      if (path != nullptr)
        set("model.components." + name.text + (fields ? ".path" : ""), absolute_path(directory, path->text));
    }
  }
  set("output.path", manifest.output.path);
  if (YamlNode* requests = find(root, "requests")) {
    for (const char* section : {"defaults", "matrix"}) {
      if (YamlNode* fields = find(*requests, section)) make_pictures_absolute(*fields, directory);
    }
    if (YamlNode* items = find(*requests, "items")) {
      for (YamlNode& item : items->items) make_pictures_absolute(item, directory);
    }
  }
  return configs::to_yaml(root);
}

std::vector<std::string> manifest_changes(const std::string& before, const std::string& after) {
  const std::map<std::string, std::string> then = leaves(before);
  const std::map<std::string, std::string> now = leaves(after);
  std::set<std::string> paths;
  for (const auto& [path, value] : then) paths.insert(path);
  for (const auto& [path, value] : now) paths.insert(path);
  std::vector<std::string> changes;
  const auto text = [](const std::map<std::string, std::string>& values, const std::string& path) {
    const auto found = values.find(path);
    return found == values.end() ? std::string{"unset"} : found->second;
  };
  for (const std::string& path : paths) {
    if (text(then, path) != text(now, path)) {
      changes.push_back(printable(path, max_shown) + ": " + text(then, path) + ", now " + text(now, path));
    }
  }
  return changes;
}

}  // namespace ditmill::jobs::plan
