#include "registry/identity/name_rule_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "configs/yaml_reader.h"

namespace ditmill::registry {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr int most_parts = 64;
// Short texts must not stand for more than memory holds, nor for searches without an end.
constexpr std::size_t longest_expression = 256;
constexpr std::size_t most_repeated = 100;

/// How often an expression repeats a part of itself at most, by the numbers in its braces; short texts can
/// make large automata of them.
std::size_t repetitions(std::string_view expression) {
  std::size_t product = 1;
  for (std::size_t at = expression.find('{'); at < expression.size(); at = expression.find('{', at + 1)) {
    std::size_t largest = 1;
    std::size_t number = 0;
    for (const char c : expression.substr(at + 1, expression.find('}', at) - at)) {
      number = c >= '0' && c <= '9' ? number * 10 + static_cast<std::size_t>(c - '0') : 0;
      largest = std::max(largest, number);
      if (largest > most_repeated) return largest;
    }
    product *= largest;
    if (product > most_repeated) return product;
  }
  return product;
}

/// Whether an expression refers to what it has matched: no search of it is sure to end, and the library
/// counts the number without a bound.
bool refers_back(std::string_view expression) {
  for (std::size_t at = 0; at + 1 < expression.size(); ++at) {
    if (expression[at] != '\\') continue;
    ++at;
    if (expression[at] >= '1' && expression[at] <= '9') return true;
  }
  return false;
}

/// Compiles an expression, for a search whose time is no more than a polynomial of the lengths.
void read_expression(MapReader& reader, const std::string& text, std::regex& out) {
  const std::string wrong = reader.path_of("from") + " is wrong";
  if (text.size() > longest_expression || repetitions(text) > most_repeated) {
    reader.problem("from", wrong,
                   fmt::format("a regular expression of at most {} bytes, nothing in it more than {} times",
                               longest_expression, most_repeated),
                   printable(text));
    return;
  }
  constexpr const char* without_references = "a regular expression without references back";
  if (refers_back(text)) {
    reader.problem("from", wrong, without_references, printable(text));
    return;
  }
  try {
    out.assign(text, std::regex::ECMAScript | std::regex::optimize | std::regex_constants::__polynomial);
  } catch (const std::regex_error& error) {
    reader.problem("from", wrong + ": " + error.what(), without_references, printable(text));
  }
}

}  // namespace

NameRule read_name_rule(const YamlNode& node, const std::string& path, const std::string& file,
                        std::vector<Problem>& problems) {
  MapReader reader{node, path, file, problems};
  NameRule rule;
  std::string from;
  bool unused = false;
  reader.read("from", from);
  reader.read("to", rule.to);
  reader.read("unused", unused);
  if (from.empty()) reader.problem("from", reader.path_of("from") + " is missing", "a regular expression");
  if (rule.to.size() > longest_expression) {
    reader.problem("to", reader.path_of("to") + " is too long",
                   "at most " + std::to_string(longest_expression) + " bytes");
  }
  if (rule.to.empty() != unused) {
    reader.problem("to", reader.path_of("to") + " is missing", "a name, or unused: true");
  }
  int part = 0;
  int parts = 1;
  int dim = 0;
  reader.read("parts", parts, {2, most_parts});
  reader.read("part", part, {0, parts - 1});
  reader.read("dim", dim, {0, static_cast<int>(most_dimensions) - 1});
  rule.part = static_cast<std::size_t>(part);
  rule.parts = static_cast<std::size_t>(parts);
  rule.dim = static_cast<std::size_t>(dim);
  read_expression(reader, from, rule.from);
  reader.finish();
  return rule;
}

}  // namespace ditmill::registry
