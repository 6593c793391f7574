#include "models/tokenizers/unigram/normalizers.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "configs/utf8.h"
#include "models/text/character_map.h"
#include "models/text/code_points.h"
#include "models/tokenizers/unigram/base64.h"
#include "models/tokenizers/unigram/normal_forms.h"
#include "models/tokenizers/unigram/simple_pattern.h"
#include "models/tokenizers/unigram/unicode.h"

namespace ditmill::models {
namespace {

using Change = NormalizedText::Change;

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(const JsonField& description) {
    for (const JsonField& step : description.at("normalizers").elements()) {
      steps_.push_back(make_normalizer(step));
    }
  }
  void apply(NormalizedText& text) const override {
    for (const auto& step : steps_) step->apply(text);
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> steps_;
};

CharacterMap read_character_map(const JsonField& field) {
  const auto bytes = decode_base64(field.text());
  if (!bytes) field.refuse("base64");
  try {
    return CharacterMap(*bytes);
  } catch (const Error& error) {
    field.refuse("a compiled character map: " + error.expected() + ", not " + error.got());
  }
}

/// sentencepiece's character map as the library applies it: to a grapheme cluster under 6 bytes as a whole
/// (what is behind the entry in the cluster goes with it), to the characters of others one by one.
class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(const JsonField& description)
      : map_(read_character_map(description.at("precompiled_charsmap"))) {}

  void apply(NormalizedText& text) const override {
    const std::string_view bytes = text.text();
    std::vector<Change> changes;
    changes.reserve(bytes.size());
    std::size_t begin = 0;
    for (const std::size_t end : grapheme_ends(bytes)) {
      const std::string_view cluster = bytes.substr(begin, end - begin);
      begin = end;
      if (cluster.size() < largest_cluster && replace(cluster, changes)) continue;
      for (std::size_t at = 0; at < cluster.size();) {
        const auto [c, length] = utf8::decode(cluster.substr(at));
        if (!replace(cluster.substr(at, length), changes)) changes.push_back({c, 0});
        at += length;
      }
    }
    text.transform(changes);
  }

 private:
  static constexpr std::size_t largest_cluster = 6;  // bytes; one less still counts

  bool replace(std::string_view part, std::vector<Change>& changes) const {
    const auto replacement = map_.find(part);
    if (!replacement) return false;
    const std::u32string characters = to_code_points(*replacement);
    for (const char32_t c : characters) changes.push_back({c, 0});
    const auto removed = static_cast<std::ptrdiff_t>(to_code_points(part).size());
    const std::ptrdiff_t added = static_cast<std::ptrdiff_t>(characters.size()) - removed;
    for (std::ptrdiff_t i = 0; i < added; ++i)
      changes[changes.size() - 1 - static_cast<std::size_t>(i)].change = 1;
    if (added < 0 && !changes.empty()) changes.back().change += static_cast<int>(added);
    return true;
  }

  CharacterMap map_;
};

class Replace final : public Normalizer {
 public:
  explicit Replace(const JsonField& description)
      : pattern_(read_pattern(description.at("pattern"))), content_(description.at("content").text()) {}
  void apply(NormalizedText& text) const override { text.replace(pattern_.find_all(text.text()), content_); }

 private:
  static SimplePattern read_pattern(const JsonField& description) {
    if (const auto literal = description.find("String")) {
      if (literal->text().empty()) literal->unsupported("a text that is not empty");
      return SimplePattern::literal(literal->text());
    }
    const JsonField expression = description.at("Regex");
    auto pattern = SimplePattern::parse(expression.text());
    if (!pattern) expression.unsupported("a row of characters and counts, like \" {2,}\"");
    return *std::move(pattern);
  }

  SimplePattern pattern_;
  std::string content_;
};

class Strip final : public Normalizer {
 public:
  explicit Strip(const JsonField& description)
      : left_(description.at("strip_left").boolean()), right_(description.at("strip_right").boolean()) {}
  void apply(NormalizedText& text) const override {
    std::size_t begin = 0;
    std::size_t end = text.text().size();
    if (left_) begin += leading_space(text.text());
    if (right_) end -= trailing_space(text.text());
    text = text.slice({begin, std::max(begin, end)});
  }

 private:
  bool left_, right_;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(const JsonField& description) : content_(description.at("prepend").text()) {
    if (content_.empty()) description.at("prepend").unsupported("a text that is not empty");
  }
  void apply(NormalizedText& text) const override {
    if (!text.text().empty()) text.prepend(content_);
  }

 private:
  std::string content_;
};

class Lowercase final : public Normalizer {
 public:
  explicit Lowercase(const JsonField& /*description*/) {}
  void apply(NormalizedText& text) const override {
    std::vector<Change> changes;
    for (const char32_t c : to_code_points(text.text())) {
      if (c == U'\u0130') {
        changes.push_back({U'i', 0});
        changes.push_back({U'\u0307', 1});
      } else {
        changes.push_back({to_lower(c), 0});
      }
    }
    text.transform(changes);
  }
};

template <NormalForm form>
class Unicode final : public Normalizer {
 public:
  explicit Unicode(const JsonField& /*description*/) {}
  void apply(NormalizedText& text) const override { to_normal_form(text, form); }
};

template <typename Kind>
std::unique_ptr<const Normalizer> make(const JsonField& description) {
  return std::make_unique<const Kind>(description);
}

}  // namespace

std::unique_ptr<const Normalizer> make_normalizer(const JsonField& description) {
  static const std::map<std::string, std::unique_ptr<const Normalizer> (*)(const JsonField&)> kinds{
      {"Sequence", &make<NormalizerSequence>},
      {"Precompiled", &make<Precompiled>},
      {"Replace", &make<Replace>},
      {"Strip", &make<Strip>},
      {"Prepend", &make<Prepend>},
      {"Lowercase", &make<Lowercase>},
      {"NFC", &make<Unicode<NormalForm::nfc>>},
      {"NFD", &make<Unicode<NormalForm::nfd>>},
      {"NFKC", &make<Unicode<NormalForm::nfkc>>},
      {"NFKD", &make<Unicode<NormalForm::nfkd>>}};
  const JsonField type = description.at("type");
  const auto kind = kinds.find(type.text());
  if (kind == kinds.end()) {
    type.unsupported("Sequence, Precompiled, Replace, Strip, Prepend, Lowercase, NFC, NFD, NFKC or NFKD");
  }
  return kind->second(description);
}

}  // namespace ditmill::models
