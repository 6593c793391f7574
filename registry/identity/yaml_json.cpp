#include "registry/identity/yaml_json.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace ditmill::registry {

using configs::YamlNode;

nlohmann::json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::sequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const YamlNode& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case YamlNode::Kind::mapping: {
      nlohmann::json map = nlohmann::json::object();
      for (const auto& [key, value] : node.entries) map[key.text] = to_json(value);
      return map;
    }
    case YamlNode::Kind::null:
      return nullptr;
    case YamlNode::Kind::scalar:
      break;
  }
  if (node.quoted) return node.text;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  const char* begin = node.text.data();
  const char* end = begin + node.text.size();
  std::int64_t whole = 0;
  if (const auto read = std::from_chars(begin, end, whole); read.ec == std::errc{} && read.ptr == end)
    return whole;
  double real = 0;
  const bool digits = node.text.find_first_of("0123456789") != std::string::npos;
  if (const auto read = std::from_chars(begin, end, real);
      digits && read.ec == std::errc{} && read.ptr == end && std::isfinite(real)) {
    return real;
  }
  return node.text;
}

}  // namespace ditmill::registry
