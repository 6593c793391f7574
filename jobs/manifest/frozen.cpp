#include "jobs/manifest/frozen.h"

#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "configs/overrides.h"
#include "configs/utf8.h"
#include "jobs/manifest/manifest.h"

namespace ditmill::jobs {
namespace {

using configs::YamlNode;

constexpr std::size_t max_shown = 80;

void append_hex(std::string& out, char32_t code_point, int digits) {
  static constexpr std::string_view hex = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += hex[(code_point >> shift) & 15];
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto [code_point, length] = utf8::decode(text);
    const bool control = code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
    const bool breaks_lines = code_point == 0x2028 || code_point == 0x2029 || code_point == 0xfeff;
    if (code_point == '"' || code_point == '\\') {
      out += '\\';
      out += text[0];
    } else if (control) {
      out += "\\x";
      append_hex(out, code_point, 2);
    } else if (breaks_lines) {
      out += "\\u";
      append_hex(out, code_point, 4);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out + '"';
}

/// Whatever a reader takes for a number, a boolean or a word stays plain; anything else is text either way.
bool stays_plain(const YamlNode& node) {
  static constexpr std::string_view safe =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_./+-";
  static constexpr std::array<std::string_view, 4> nulls{"null", "Null", "NULL", "~"};
  if (node.quoted || node.text.empty() || node.text.find_first_not_of(safe) != std::string::npos)
    return false;
  for (const std::string_view null : nulls) {
    if (node.text == null) return false;
  }
  // "-" and "---" would be structure.
  return node.text.find_first_not_of('-') != std::string::npos && node.text != "...";
}

std::string scalar(const YamlNode& node) { return stays_plain(node) ? node.text : double_quoted(node.text); }

void append(std::string& out, const YamlNode& node, std::size_t indent) {
  const std::string margin(indent, ' ');
  const bool nested = !node.items.empty() || !node.entries.empty();
  if (!nested) {
    switch (node.kind) {
      case YamlNode::Kind::null:
        out += " null\n";
        return;
      case YamlNode::Kind::scalar:
        out += " " + scalar(node) + "\n";
        return;
      case YamlNode::Kind::sequence:
        out += " []\n";
        return;
      case YamlNode::Kind::mapping:
        out += " {}\n";
        return;
    }
  }
  if (!out.empty()) out += '\n';
  for (const YamlNode& item : node.items) {
    out += margin + "-";
    append(out, item, indent + 2);
  }
  for (const auto& [key, value] : node.entries) {
    out += margin + scalar(key) + ":";
    append(out, value, indent + 2);
  }
}

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

}  // namespace

std::string to_yaml(const YamlNode& node) {
  std::string out;
  append(out, node, 0);
  return out;
}

std::string frozen_manifest(const ManifestSource& source, const Manifest& manifest) {
  std::vector<Problem> ignored;  // decode_manifest() has reported them
  YamlNode root = manifest_tree(source, ignored);
  configs::apply_overrides(root, source.sets, ignored);
  const auto set = [&](const std::string& key, const std::string& path) {
    configs::apply_override(root, key + "=" + double_quoted(path), ignored);
  };
  for (const auto& [section, key] :
       {std::pair{"model", "path"}, {"model", "catalog"}, {"requests", "file"}}) {
    const YamlNode* mapping = root.find(section);
    const YamlNode* path = mapping == nullptr ? nullptr : mapping->find(key);
    if (path == nullptr || path->kind != YamlNode::Kind::scalar) continue;
    set(std::string{section} + "." + key, absolute_path(source.directory, path->text));
  }
  set("output.path", manifest.output.path);
  return to_yaml(root);
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

}  // namespace ditmill::jobs
