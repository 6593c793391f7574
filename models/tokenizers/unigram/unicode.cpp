#include "models/tokenizers/unigram/unicode.h"

#include <algorithm>
#include <array>

#include "configs/utf8.h"
#include "models/text/code_points.h"

namespace ditmill::models {
namespace {

enum class Break : unsigned char {
  other,
  carriage_return,
  line_feed,
  control,
  zwj,
  linker,           ///< extends, and links conjuncts (InCB=Linker)
  extend_conjunct,  ///< extends, conjuncts too (InCB=Extend)
  extend,
  consonant,  ///< InCB=Consonant
  regional,
  prepend,
  spacing_mark,
  hangul_l,
  hangul_v,
  hangul_t,
  hangul_lv,
  hangul_lvt,
  pictographic,
};

struct Range {
  char32_t first, last;
};
struct BreakRange {
  char32_t first, last;
  Break value;
};
struct LowerRange {
  char32_t first, last;
  char32_t step;
  int difference;
};

#include "models/tokenizers/unigram/unicode_tables.inc"

/// The range that `c` is in; null if it is in none.
template <typename Table>
const typename Table::value_type* find(const Table& table, char32_t c) noexcept {
  const auto after = std::upper_bound(table.begin(), table.end(), c,
                                      [](char32_t value, const auto& range) { return value < range.first; });
  if (after == table.begin() || c > (after - 1)->last) return nullptr;
  return after - 1;
}

Break break_of(char32_t c) noexcept {
  if (c >= 0x20 && c < 0x7f) return Break::other;
  if (c >= 0xac00 && c <= 0xd7a3) return (c - 0xac00) % 28 == 0 ? Break::hangul_lv : Break::hangul_lvt;
  const BreakRange* range = find(break_ranges, c);
  return range == nullptr ? Break::other : range->value;
}

bool is_control(Break b) noexcept {
  return b == Break::control || b == Break::carriage_return || b == Break::line_feed;
}

bool extends(Break b) noexcept {
  return b == Break::extend || b == Break::extend_conjunct || b == Break::linker || b == Break::zwj;
}

/// What of the characters before a place the rules look at.
class Cluster {
 public:
  /// Whether `next` begins a new cluster; takes it in.
  bool breaks_before(Break next) noexcept {
    const bool breaks = !joins(next);
    if (breaks) emoji_ = linking_ = linked_ = odd_regional_ = false;
    take(next);
    return breaks;
  }

 private:
  bool joins(Break next) const noexcept {
    if (last_ == Break::carriage_return && next == Break::line_feed) return true;  // GB3
    if (is_control(last_) || is_control(next)) return false;                       // GB4, GB5
    if (last_ == Break::hangul_l && (next == Break::hangul_l || next == Break::hangul_v ||
                                     next == Break::hangul_lv || next == Break::hangul_lvt)) {
      return true;  // GB6
    }
    if ((last_ == Break::hangul_lv || last_ == Break::hangul_v) &&
        (next == Break::hangul_v || next == Break::hangul_t)) {
      return true;  // GB7
    }
    if ((last_ == Break::hangul_lvt || last_ == Break::hangul_t) && next == Break::hangul_t) return true;
    if (extends(next) || next == Break::spacing_mark || last_ == Break::prepend) return true;  // GB9, a, b
    if (next == Break::consonant && linking_ && linked_) return true;                          // GB9c
    if (next == Break::pictographic && emoji_ && last_ == Break::zwj) return true;             // GB11
    return next == Break::regional && last_ == Break::regional && odd_regional_;               // GB12, 13
  }

  void take(Break next) noexcept {
    if (next == Break::consonant) {
      linking_ = true;
      linked_ = false;
    } else if (next == Break::linker) {
      linked_ = true;
    } else if (next != Break::extend_conjunct && next != Break::zwj) {
      linking_ = false;
    }
    emoji_ = next == Break::pictographic || (emoji_ && extends(next));
    odd_regional_ = next == Break::regional && !odd_regional_;
    last_ = next;
  }

  Break last_ = Break::control;  // GB1: the first character begins a cluster
  bool emoji_ = false;           ///< a pictographic, then only what extends
  bool linking_ = false;         ///< a consonant, then only what extends it in a conjunct
  bool linked_ = false;          ///< and a linker among that
  bool odd_regional_ = false;
};

}  // namespace

std::vector<std::size_t> grapheme_ends(std::string_view text) {
  std::vector<std::size_t> ends;
  Cluster cluster;
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, length] = utf8::decode(text.substr(at));
    if (cluster.breaks_before(break_of(c)) && at > 0) ends.push_back(at);
    at += length;
  }
  if (!text.empty()) ends.push_back(text.size());
  return ends;
}

std::string_view last_character(std::string_view text) noexcept {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
  return text.substr(begin);
}

std::size_t leading_space(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size()) {
    const auto [c, length] = utf8::decode(text.substr(size));
    if (!is_white_space(c)) break;
    size += length;
  }
  return size;
}

std::size_t trailing_space(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size()) {
    const std::string_view last = last_character(text.substr(0, text.size() - size));
    if (!is_white_space(utf8::decode(last).code_point)) break;
    size += last.size();
  }
  return size;
}

bool is_word(char32_t c) noexcept { return find(word_ranges, c) != nullptr; }

char32_t to_lower(char32_t c) noexcept {
  const LowerRange* range = find(lower_ranges, c);
  if (range == nullptr || (c - range->first) % range->step != 0) return c;
  return static_cast<char32_t>(static_cast<int>(c) + range->difference);
}

bool is_later_than_unicode_12(char32_t c) noexcept { return find(later_ranges, c) != nullptr; }

}  // namespace ditmill::models
