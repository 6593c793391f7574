#include "slurm/node_list.h"

#include <optional>
#include <utility>

#include "configs/error.h"
#include "configs/number_text.h"

namespace ditmill::slurm {
namespace {

constexpr std::size_t most_digits = 9;

Error malformed(const std::string& variable, std::string_view text, const std::string& expected) {
  return {Category::usage,    "read the Slurm environment",     Where{.key = variable},
          Expected{expected}, Got{"'" + printable(text) + "'"}, "unset SLURM_JOB_ID to run outside Slurm"};
}

std::optional<int> whole_number(std::string_view digits) {
  const bool plain = digits.size() <= most_digits && !digits.starts_with('-');
  return plain ? number_from_text<int>(digits) : std::nullopt;
}

/// What stands between the separators that are outside brackets.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') ++depth;
    if (text[i] == ']') --depth;
    if (text[i] != separator || depth != 0) continue;
    pieces.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

/// "1-3,07" as 1, 2, 3, 07: the first whole_number of a range says how many digits they have. None if it is
/// not such a list.
std::optional<std::vector<std::string>> numbers_of(std::string_view ranges) {
  std::vector<std::string> numbers;
  for (const std::string_view range : split(ranges, ',')) {
    const std::size_t dash = range.find('-');
    const std::string_view first = range.substr(0, dash);
    const std::string_view last = dash == std::string_view::npos ? first : range.substr(dash + 1);
    const std::optional<int> from = whole_number(first);
    const std::optional<int> to = whole_number(last);
    if (!from || !to || *to < *from) return std::nullopt;
    if (numbers.size() + static_cast<std::size_t>(*to - *from) >= most_nodes) return std::nullopt;
    for (int value = *from; value <= *to; ++value) {
      std::string digits = std::to_string(value);
      if (digits.size() < first.size()) digits.insert(0, first.size() - digits.size(), '0');
      numbers.push_back(std::move(digits));
    }
  }
  return numbers;
}

/// The hosts of "r[1-2]n[1-2]x"; none if it is malformed or names too many.
std::optional<std::vector<std::string>> hosts_of(std::string_view piece) {
  std::vector<std::string> hosts{""};
  while (!piece.empty()) {
    const std::size_t open = piece.find('[');
    const std::string_view plain = piece.substr(0, open);
    if (plain.find(']') != std::string_view::npos) return std::nullopt;
    for (std::string& host : hosts) host += plain;
    if (open == std::string_view::npos) break;
    const std::size_t close = piece.find(']', open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto numbers = numbers_of(piece.substr(open + 1, close - open - 1));
    if (!numbers || hosts.size() * numbers->size() > most_nodes) return std::nullopt;
    std::vector<std::string> longer;
    longer.reserve(hosts.size() * numbers->size());
    for (const std::string& host : hosts) {
      for (const std::string& digits : *numbers) longer.push_back(host + digits);
    }
    hosts = std::move(longer);
    piece.remove_prefix(close + 1);
  }
  return hosts.front().empty() ? std::nullopt : std::optional{std::move(hosts)};
}

}  // namespace

std::vector<std::string> expand_node_list(std::string_view list, const std::string& variable) {
  std::vector<std::string> nodes;
  for (const std::string_view piece : split(list, ',')) {
    std::optional<std::vector<std::string>> hosts = hosts_of(piece);
    if (!hosts || nodes.size() + hosts->size() > most_nodes) {
      throw malformed(variable, list, "a node list, as n[1-4,07],login");
    }
    nodes.insert(nodes.end(), std::make_move_iterator(hosts->begin()), std::make_move_iterator(hosts->end()));
  }
  return nodes;
}

std::vector<int> expand_counts(std::string_view counts, const std::string& variable) {
  std::vector<int> expanded;
  for (const std::string_view piece : split(counts, ',')) {
    const std::size_t times_at = piece.find("(x");
    const bool repeated = times_at != std::string_view::npos;
    const std::optional<int> count = whole_number(piece.substr(0, times_at));
    std::optional<int> times = 1;
    if (repeated) {
      times = piece.ends_with(')') ? whole_number(piece.substr(times_at + 2, piece.size() - times_at - 3))
                                   : std::nullopt;
    }
    if (!count || !times || expanded.size() + static_cast<std::size_t>(*times) > most_nodes) {
      throw malformed(variable, counts, "a count a node, as 2(x3),1");
    }
    expanded.insert(expanded.end(), static_cast<std::size_t>(*times), *count);
  }
  return expanded;
}

}  // namespace ditmill::slurm
