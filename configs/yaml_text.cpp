#include "configs/yaml_text.h"

#include <array>

#include "configs/hex.h"
#include "configs/utf8.h"

namespace ditmill::configs {
namespace {

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

std::string scalar(const YamlNode& node) { return stays_plain(node) ? node.text : yaml_quoted(node.text); }

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

}  // namespace

std::string yaml_quoted(std::string_view text) {
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

std::string to_yaml(const YamlNode& node) {
  std::string out;
  append(out, node, 0);
  return out;
}

}  // namespace ditmill::configs
