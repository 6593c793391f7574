#include "registry/identity/name_pair.h"

#include <algorithm>
#include <cstddef>

namespace ditmill::registry {
namespace {

constexpr std::size_t most_names = 1'000;
constexpr std::size_t longest_text =
    1'000;  // it is taken apart a list at a time, each a call within the other
constexpr std::string_view number = "{n}";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_list_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '-';
  });
}

/// The length of what {n} stands for at the beginning of a name: digits, or a pattern's `{symbol}`.
std::size_t number_length(std::string_view name) {
  if (name.starts_with('{')) {
    const std::size_t close = name.find('}');
    return close == std::string_view::npos ? 0 : close + 1;
  }
  return static_cast<std::size_t>(std::ranges::find_if_not(name, is_digit) - name.begin());
}

/// What a name begins with as a beginning says it.
struct Match {
  std::size_t length = 0;  ///< 0: it does not
  std::vector<std::string_view> numbers;
};

Match match(std::string_view name, std::string_view beginning) {
  Match match;
  std::size_t at = 0;
  while (!beginning.empty()) {
    if (beginning.starts_with(number)) {
      const std::size_t length = number_length(name.substr(at));
      if (length == 0) return {};
      match.numbers.push_back(name.substr(at, length));
      at += length;
      beginning.remove_prefix(number.size());
    } else {
      if (at == name.size() || name[at] != beginning.front()) return {};
      ++at;
      beginning.remove_prefix(1);
    }
  }
  if (at < name.size() && name[at] != '.') return {};
  match.length = at;
  return match;
}

/// A name with another beginning, whose {n} are the numbers in their order.
std::string with_beginning(std::string_view beginning, const Match& match, std::string_view name) {
  std::string text;
  std::size_t numbers = 0;
  while (!beginning.empty()) {
    if (beginning.starts_with(number)) {
      text += match.numbers.at(numbers++);
      beginning.remove_prefix(number.size());
    } else {
      text += beginning.front();
      beginning.remove_prefix(1);
    }
  }
  return text + std::string{name.substr(match.length)};
}

struct Found {
  const NamePair* pair = nullptr;
  Match match;
};

Found find(std::string_view name, std::span<const NamePair> pairs, std::string NamePair::*side) {
  Found found;
  for (const NamePair& pair : pairs) {
    if ((pair.*side).empty()) continue;
    Match match = registry::match(name, pair.*side);
    if (match.length > found.match.length) found = {&pair, std::move(match)};
  }
  return found;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

}  // namespace

std::optional<std::vector<std::string>> expand_lists(std::string_view text) {
  if (text.size() > longest_text) return std::nullopt;
  std::size_t open = 0;
  std::size_t close = 0;
  for (std::size_t from = 0;; from = close + 1) {
    open = text.find('{', from);
    close = text.find('}', from);
    if (open == std::string_view::npos && close == std::string_view::npos)
      return std::vector<std::string>{std::string{text}};
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
      return std::nullopt;
    if (text.substr(open, close - open).find(',') != std::string_view::npos) break;
  }
  std::optional<std::vector<std::string>> rests = expand_lists(text.substr(close + 1));
  if (!rests) return std::nullopt;
  std::vector<std::string> texts;
  std::string_view inside = text.substr(open + 1, close - open - 1);
  for (bool more = true; more;) {
    const std::size_t comma = inside.find(',');
    const std::string_view word = inside.substr(0, comma);
    if (!is_list_word(word) || texts.size() + rests->size() > most_names) return std::nullopt;
    for (const std::string& rest : *rests) {
      texts.push_back(std::string{text.substr(0, open)} + std::string{word} + rest);
    }
    more = comma != std::string_view::npos;
    if (more) inside.remove_prefix(comma + 1);
  }
  return texts;
}

std::optional<std::vector<NamePair>> parse_name_pair(std::string_view file, std::string_view layer) {
  const auto files = expand_lists(file);
  const auto layers = expand_lists(layer);
  if (file.empty() || !files || !layers) return std::nullopt;
  if (!layer.empty() && layers->size() != files->size()) return std::nullopt;
  std::vector<NamePair> pairs;
  for (std::size_t i = 0; i < files->size(); ++i) {
    NamePair pair{.file = files->at(i), .layer = layer.empty() ? "" : layers->at(i)};
    const std::size_t numbers = count_of(pair.file, number);
    // Nothing but {n} is left in braces, as often on both sides.
    if (count_of(pair.file, "{") != numbers || count_of(pair.layer, "{") != count_of(pair.layer, number) ||
        (!layer.empty() && count_of(pair.layer, number) != numbers))
      return std::nullopt;
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::optional<std::string> layer_name(std::string_view file, std::span<const NamePair> pairs) {
  const Found found = find(file, pairs, &NamePair::file);
  if (found.pair == nullptr || found.pair->parts > 1) return std::string{file};
  if (found.pair->layer.empty()) return std::nullopt;
  return with_beginning(found.pair->layer, found.match, file);
}

std::string file_name(std::string_view layer, std::span<const NamePair> pairs) {
  const Found found = find(layer, pairs, &NamePair::layer);
  return found.pair == nullptr ? std::string{layer} : with_beginning(found.pair->file, found.match, layer);
}

FilePart file_part(std::string_view layer, std::span<const NamePair> pairs) {
  const Found found = find(layer, pairs, &NamePair::layer);
  if (found.pair == nullptr) return {.name = std::string{layer}};
  return {.name = with_beginning(found.pair->file, found.match, layer),
          .part = found.pair->part,
          .parts = found.pair->parts};
}

std::vector<std::string> layer_names(std::string_view file, std::span<const NamePair> pairs) {
  const Found found = find(file, pairs, &NamePair::file);
  if (found.pair == nullptr) return {std::string{file}};
  std::vector<std::string> names;
  for (const NamePair& pair : pairs) {
    if (pair.file == found.pair->file && !pair.layer.empty() &&
        (&pair == found.pair || found.pair->parts > 1))
      names.push_back(with_beginning(pair.layer, found.match, file));
  }
  return names;
}

}  // namespace ditmill::registry
