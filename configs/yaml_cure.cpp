#include "configs/yaml_cure.h"

#include <algorithm>

#include "configs/error.h"

namespace ditmill::configs {
namespace {

constexpr std::size_t most_shown = 160;

/// Why a text cannot stand there without quotes; "" if it can.
std::string why_quoted(std::string_view text) {
  if (text.starts_with('"') || text.starts_with('\'')) {
    const std::size_t end = text.find(text[0], 1);
    if (end == std::string_view::npos) return "";
    return end + 1 < text.size() ? "a text with quotes at its start" : "";
  }
  if (std::string_view{"[]{}*&!@%`|>?-,"}.find(text[0]) != std::string_view::npos) {
    return std::string{"a text that begins with "} + text[0];
  }
  const bool colon = text.find(": ") != std::string_view::npos || text.ends_with(':');
  return colon ? "a text with a colon" : "";
}

}  // namespace

std::string quoted_yaml(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string yaml_cure(std::string_view line) {
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  if (line.substr(0, indent).find('\t') != std::string_view::npos)
    return "spaces, and no tabs, before the text";
  std::string_view rest = line.substr(indent);
  const bool in_flow = rest.find('{') < rest.find(':');
  const std::size_t colon = rest.find(": ");
  if (colon == std::string_view::npos) return "";
  const std::string_view key = rest.substr(0, colon);
  rest.remove_prefix(std::min(rest.find_first_not_of(' ', colon + 1), rest.size()));
  while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\r')) rest.remove_suffix(1);
  if (rest.empty()) return "";
  if (in_flow) return rest.find(": ") == std::string_view::npos ? "" : "a text with a colon put into quotes";
  const std::string why = why_quoted(rest);
  if (why.empty()) return "";
  return why + " put into quotes: " + printable(std::string{key} + ": " + quoted_yaml(rest), most_shown);
}

std::size_t comment_after(std::string_view line, std::size_t offset, std::string_view text) noexcept {
  if (offset > line.size() || !line.substr(offset).starts_with(text)) return 0;
  const std::size_t begin = line.find_first_not_of(" \t", offset + text.size());
  return begin != std::string_view::npos && line[begin] == '#' ? line.size() - begin : 0;
}

}  // namespace ditmill::configs
