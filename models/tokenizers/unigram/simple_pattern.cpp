#include "models/tokenizers/unigram/simple_pattern.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "configs/utf8.h"
#include "models/text/code_points.h"

namespace ditmill::models {
namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
constexpr std::size_t largest_count = 1000;

bool is_ascii_punctuation(char32_t c) noexcept {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

}  // namespace

/// Reads an expression from left to right; every step returns false for what is not simple.
class SimplePattern::Parser {
 public:
  explicit Parser(std::string_view expression) : rest_(to_code_points(expression)) {}

  bool pattern(std::vector<Atom>& atoms) {
    while (at_ < rest_.size()) {
      Atom atom;
      if (!characters(atom) || !quantifier(atom)) return false;
      atoms.push_back(std::move(atom));
    }
    const auto varying =
        std::count_if(atoms.begin(), atoms.end(), [](const Atom& a) { return a.least != a.most; });
    return varying <= 2 && std::any_of(atoms.begin(), atoms.end(), [](const Atom& a) { return a.least > 0; });
  }

 private:
  bool next_is(char32_t c) const noexcept { return at_ < rest_.size() && rest_[at_] == c; }

  bool characters(Atom& atom) {
    static constexpr std::u32string_view special = U"^$.|?*+()]{}";
    const char32_t c = rest_[at_++];
    if (c == U'\\') return escape(atom);
    if (c == U'[') return set(atom);
    atom.characters.push_back(c);
    return special.find(c) == std::u32string_view::npos;
  }

  bool escape(Atom& atom) {
    if (at_ == rest_.size()) return false;
    const char32_t c = rest_[at_++];
    static constexpr std::u32string_view letters = U"ntrfv", meant = U"\n\t\r\f\v";
    const std::size_t letter = letters.find(c);
    if (c == U's') {
      atom.white_space = true;
    } else if (letter != std::u32string_view::npos) {
      atom.characters.push_back(meant[letter]);
    } else {
      atom.characters.push_back(c);
      return is_ascii_punctuation(c);
    }
    return true;
  }

  bool set(Atom& atom) {
    static constexpr std::u32string_view special = U"[^-&";
    if (next_is(U']')) return false;
    while (at_ < rest_.size() && !next_is(U']')) {
      const char32_t c = rest_[at_++];
      if (special.find(c) != std::u32string_view::npos) return false;
      if (c != U'\\') {
        atom.characters.push_back(c);
      } else if (!escape(atom)) {
        return false;
      }
    }
    return at_++ < rest_.size();
  }

  bool quantifier(Atom& atom) {
    if (next_is(U'+') || next_is(U'*') || next_is(U'?')) {
      const char32_t c = rest_[at_++];
      atom.least = c == U'+' ? 1 : 0;
      atom.most = c == U'?' ? 1 : unlimited;
    } else if (next_is(U'{')) {
      ++at_;
      if (!interval(atom)) return false;
    } else {
      return true;
    }
    return !next_is(U'+') && !next_is(U'*') && !next_is(U'?') && !next_is(U'{');
  }

  bool interval(Atom& atom) {
    if (!number(atom.least)) return false;
    atom.most = atom.least;
    if (next_is(U',')) {
      ++at_;
      if (!number(atom.most)) atom.most = unlimited;
    }
    return next_is(U'}') && at_++ < rest_.size() && atom.least <= atom.most && atom.most > 0;
  }

  bool number(std::size_t& value) {
    const std::size_t begin = at_;
    std::size_t read = 0;
    for (; at_ < rest_.size() && rest_[at_] >= U'0' && rest_[at_] <= U'9' && read <= largest_count; ++at_) {
      read = read * 10 + (rest_[at_] - U'0');
    }
    value = read;
    return at_ > begin && read <= largest_count;
  }

  std::u32string rest_;
  std::size_t at_ = 0;
};

bool SimplePattern::Atom::matches(char32_t c) const noexcept {
  return (white_space && is_white_space(c)) ||
         std::find(characters.begin(), characters.end(), c) != characters.end();
}

std::optional<SimplePattern> SimplePattern::parse(std::string_view expression) {
  SimplePattern pattern;
  if (!Parser(expression).pattern(pattern.atoms_)) return std::nullopt;
  return pattern;
}

SimplePattern SimplePattern::literal(std::string_view text) {
  SimplePattern pattern;
  for (const char32_t c : to_code_points(text)) pattern.atoms_.push_back({.characters = {c}});
  return pattern;
}

std::optional<std::size_t> SimplePattern::match(std::string_view text, std::size_t at,
                                                std::size_t atom) const {
  for (; atom < atoms_.size(); ++atom) {
    const Atom& wanted = atoms_[atom];
    std::vector<std::size_t> ends{at};  // behind so many of its characters
    while (ends.size() <= wanted.most && ends.back() < text.size()) {
      const auto [c, length] = utf8::decode(text.substr(ends.back()));
      if (!wanted.matches(c)) break;
      ends.push_back(ends.back() + length);
    }
    if (ends.size() <= wanted.least) return std::nullopt;
    for (; ends.size() > wanted.least + 1; ends.pop_back()) {
      if (const auto end = match(text, ends.back(), atom + 1)) return end;
    }
    at = ends.back();
  }
  return at;
}

std::vector<NormalizedText::Place> SimplePattern::find_all(std::string_view text) const {
  std::vector<NormalizedText::Place> places;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = match(text, at, 0);
    if (end) places.emplace_back(at, *end);
    at = end ? *end : at + utf8::decode(text.substr(at)).length;
  }
  return places;
}

}  // namespace ditmill::models
