#include "configs/overrides.h"

#include <algorithm>
#include <charconv>

#include "configs/component_name.h"

namespace ditmill::configs {
namespace {

/// One option on its way into the tree.
class Override {
 public:
  Override(std::string_view path, std::vector<Problem>& problems)
      : path_(path), origin_("--set " + printable(path, max_shown)), problems_(problems) {}

  void apply(YamlNode& root, std::string_view text) {
    if (!split()) return;
    YamlNode value;
    if (!parse(text, value)) return;
    YamlNode* node = &root;
    for (std::size_t depth = 0; depth < keys_.size() && node != nullptr; ++depth) node = step(*node, depth);
    if (node != nullptr) *node = std::move(value);
  }

 private:
  void problem(std::string message, std::string expected = {}, std::string got = {}) {
    problems_.push_back({.file = origin_,
                         .message = std::move(message),
                         .expected = std::move(expected),
                         .got = std::move(got)});
  }

  bool split() {
    std::string_view rest = path_;
    while (true) {
      const std::size_t dot = rest.find('.');
      keys_.push_back(rest.substr(0, dot));
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    const bool whole = std::none_of(keys_.begin(), keys_.end(), [](std::string_view key) {
      return key.empty() || key.find_first_of(" \t\r\n") != std::string_view::npos;
    });
    const bool shallow = keys_.size() < max_yaml_depth;
    if (!whole || !shallow) problem("not a path of keys", "--set a.b.c=VALUE", printable(path_, max_shown));
    return whole && shallow;
  }

  bool parse(std::string_view text, YamlNode& value) {
    std::vector<Problem> found;
    value = parse_yaml(text, origin_, found);
    for (Problem& each : found) {
      // Lines and columns inside an option help nobody.
      each.line = 0;
      each.column = 0;
      problems_.push_back(std::move(each));
    }
    mark(value);
    return found.empty();
  }

  void mark(YamlNode& node) const {
    node.origin = origin_;
    for (YamlNode& item : node.items) mark(item);
    for (auto& [key, value] : node.entries) {
      mark(key);
      mark(value);
    }
  }

  std::string passed(std::size_t depth) const {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += (i > 0 ? "." : "") + std::string(keys_[i]);
    return text.empty() ? "the document" : printable(text, max_shown);
  }

  /// The node that the key at `depth` names in `node`, made if need be; nullptr after a problem.
  YamlNode* step(YamlNode& node, std::size_t depth) {
    const std::string_view key = keys_[depth];
    if (node.kind == YamlNode::Kind::sequence) return element(node, key, depth);
    if (node.kind == YamlNode::Kind::scalar) {
      problem(passed(depth) + " holds no keys", "a mapping", describe(node));
      return nullptr;
    }
    if (node.kind == YamlNode::Kind::null) {
      node.kind = YamlNode::Kind::mapping;
      node.reported = false;
    }
    const bool component = depth > 0 && (keys_[depth - 1] == "components" || keys_[depth - 1] == "variants");
    for (auto& [name, value] : node.entries) {
      if (name.text == key) return &value;
      if (component && component_named(name.text) == component_named(key)) return &value;
    }
    node.entries.push_back({{.kind = YamlNode::Kind::scalar, .text = std::string(key), .origin = origin_},
                            {.kind = YamlNode::Kind::null, .origin = origin_}});
    return &node.entries.back().second;
  }

  YamlNode* element(YamlNode& node, std::string_view key, std::size_t depth) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    const bool number = error == std::errc{} && end == key.data() + key.size();
    if (number && index < node.items.size()) return &node.items[index];
    const std::string last = node.items.empty() ? "" : " from 0 to " + std::to_string(node.items.size() - 1);
    problem(passed(depth) + " is a list without an element " + printable(key, max_shown),
            node.items.empty() ? "a list with elements" : "a number" + last);
    return nullptr;
  }

  std::string_view path_;
  std::string origin_;
  std::vector<Problem>& problems_;
  std::vector<std::string_view> keys_;
};

}  // namespace

void apply_override(YamlNode& root, std::string_view option, std::vector<Problem>& problems) {
  const std::size_t equals = option.find('=');
  if (equals == std::string_view::npos) {
    problems.push_back({.file = "--set " + printable(option, max_shown),
                        .message = "no value",
                        .expected = "--set a.b.c=VALUE"});
    return;
  }
  Override{option.substr(0, equals), problems}.apply(root, option.substr(equals + 1));
}

void apply_overrides(YamlNode& root, const std::vector<std::string>& options,
                     std::vector<Problem>& problems) {
  for (const std::string& option : options) apply_override(root, option, problems);
}

}  // namespace ditmill::configs
