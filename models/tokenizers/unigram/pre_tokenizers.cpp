#include "models/tokenizers/unigram/pre_tokenizers.h"

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "configs/utf8.h"
#include "models/text/code_points.h"
#include "models/tokenizers/unigram/simple_pattern.h"

namespace ditmill::models {
namespace {

using Place = NormalizedText::Place;

class Sequence final : public PreTokenizer {
 public:
  explicit Sequence(const JsonField& description) {
    for (const JsonField& step : description.at("pretokenizers").elements()) {
      steps_.push_back(make_pre_tokenizer(step));
    }
  }

  std::vector<NormalizedText> split(NormalizedText text) const override {
    std::vector<NormalizedText> texts;
    texts.push_back(std::move(text));
    for (const auto& step : steps_) {
      std::vector<NormalizedText> next;
      for (NormalizedText& whole : texts) {
        std::vector<NormalizedText> parts = step->split(std::move(whole));
        std::move(parts.begin(), parts.end(), std::back_inserter(next));
      }
      texts = std::move(next);
    }
    return texts;
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> steps_;
};

/// Cuts at white space, and drops it.
class WhitespaceSplit final : public PreTokenizer {
 public:
  std::vector<NormalizedText> split(NormalizedText text) const override {
    const std::string_view bytes = text.text();
    std::vector<NormalizedText> parts;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto [c, length] = utf8::decode(bytes.substr(at));
      if (is_white_space(c)) {
        if (at > begin) parts.push_back(text.slice({begin, at}));
        begin = at + length;
      }
      at += length;
    }
    if (begin < bytes.size()) parts.push_back(text.slice({begin, bytes.size()}));
    return parts;
  }
};

/// Makes spaces a visible character, puts one before a text that begins with none, cuts before each.
class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(const JsonField& description) : replacement_(description.at("replacement").text()) {
    if (to_code_points(replacement_).size() != 1) description.at("replacement").refuse("one character");
    if (const auto scheme = description.find("prepend_scheme")) scheme_ = read_scheme(*scheme);
    if (const auto prefix = description.find("add_prefix_space"); prefix && !prefix->boolean()) {
      if (scheme_ != Scheme::never) prefix->refuse("true, as prepend_scheme is not \"never\"");
    }
    if (const auto split = description.find("split")) split_ = split->boolean();
  }

  std::vector<NormalizedText> split(NormalizedText text) const override {
    static const SimplePattern space = SimplePattern::literal(" ");
    text.replace(space.find_all(text.text()), replacement_);
    const bool wanted = scheme_ == Scheme::always || (scheme_ == Scheme::first && text.starts_the_whole());
    if (wanted && !text.text().starts_with(replacement_)) text.prepend(replacement_);
    std::vector<NormalizedText> parts;
    if (!split_) {
      parts.push_back(std::move(text));
      return parts;
    }
    std::size_t begin = 0;
    while (begin < text.text().size()) {
      const std::size_t next = std::min(text.text().find(replacement_, begin + 1), text.text().size());
      parts.push_back(text.slice({begin, next}));
      begin = next;
    }
    return parts;
  }

 private:
  enum class Scheme { always, first, never };

  static Scheme read_scheme(const JsonField& field) {
    const std::string name = field.text();
    if (name == "first") return Scheme::first;
    if (name == "never") return Scheme::never;
    if (name != "always") field.refuse("always, first or never");
    return Scheme::always;
  }

  std::string replacement_;
  Scheme scheme_ = Scheme::always;
  bool split_ = true;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const JsonField& description) {
  const JsonField type = description.at("type");
  const std::string name = type.text();
  if (name == "Metaspace") return std::make_unique<const Metaspace>(description);
  if (name == "WhitespaceSplit") return std::make_unique<const WhitespaceSplit>();
  if (name == "Sequence") return std::make_unique<const Sequence>(description);
  type.unsupported("Metaspace, WhitespaceSplit or Sequence");
}

}  // namespace ditmill::models
