#include "jobs/plan/manifest/json_tree.h"

#include "configs/utf8.h"
#include "registry/formats/json_scanner.h"

namespace ditmill::jobs::plan {
namespace {

using configs::YamlNode;
using registry::JsonKind;

class TreeReader {
 public:
  TreeReader(std::string_view text, const std::string& doing, const std::string& file)
      : text_(text), scanner_(text, doing, file) {}

  YamlNode document() {
    YamlNode node = value();
    scanner_.finish();
    return node;
  }

 private:
  YamlNode value() {
    YamlNode node = at(scanner_.offset());
    switch (scanner_.peek()) {
      case registry::JsonKind::object:
        node.kind = YamlNode::Kind::mapping;
        scanner_.begin_object();
        while (scanner_.next_member()) {
          YamlNode key = text(scanner_.key_offset(), scanner_.key());
          node.entries.emplace_back(std::move(key), value());
        }
        break;
      case registry::JsonKind::array:
        node.kind = YamlNode::Kind::sequence;
        scanner_.begin_array();
        while (scanner_.next_element()) node.items.push_back(value());
        break;
      case registry::JsonKind::string: {
        const std::uint64_t offset = scanner_.offset();
        return text(offset, scanner_.string());
      }
      case registry::JsonKind::number:
        node.kind = YamlNode::Kind::scalar;
        node.text = scanner_.number();
        break;
      case registry::JsonKind::boolean:
        node.kind = YamlNode::Kind::scalar;
        node.text = scanner_.boolean() ? "true" : "false";
        break;
      case registry::JsonKind::null:
        scanner_.null();
        break;
    }
    return node;
  }

  YamlNode text(std::uint64_t offset, std::string content) {
    if (content.find('\0') != std::string::npos) scanner_.fail(offset, "text without NUL", "\\u0000");
    YamlNode node = at(offset);
    node.kind = YamlNode::Kind::scalar;
    node.text = std::move(content);
    node.quoted = true;
    return node;
  }

  /// Offsets only grow: lines and characters are counted once.
  YamlNode at(std::uint64_t offset) {
    while (offset_ < offset) {
      const auto [code_point, length] = utf8::decode(text_.substr(offset_));
      const bool newline = code_point == '\n';
      line_ += newline ? 1 : 0;
      column_ = newline ? 1 : column_ + 1;
      offset_ += length;
    }
    YamlNode node;
    node.line = line_;
    node.column = column_;
    return node;
  }

  std::string_view text_;
  registry::JsonScanner scanner_;
  std::uint64_t offset_ = 0;
  int line_ = 1;
  int column_ = 1;
};

}  // namespace

YamlNode json_tree(std::string_view text, const std::string& doing, const std::string& file) {
  return TreeReader{text, doing, file}.document();
}

}  // namespace ditmill::jobs::plan
