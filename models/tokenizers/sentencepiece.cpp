#include "models/tokenizers/sentencepiece.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <array>
#include <utility>

#include "configs/error.h"
#include "configs/utf8.h"
#include "models/text/special_tokens.h"
#include "models/text/wire.h"
#include "models/tokenizers/sentencepiece_model.h"

namespace ditmill::models {
namespace {

constexpr std::string_view space_piece = "\xe2\x96\x81";  // U+2581
constexpr int sentinels = 300;

std::string sentinel(int number) { return "<extra_id_" + std::to_string(number) + ">"; }

SpecialTokens special_tokens(const SentencePieceModel& model) {
  using Type = SentencePieceModel::Type;
  SpecialTokens tokens;
  bool has_sentinels = false;
  for (std::size_t id = 0; id < model.pieces.size(); ++id) {
    const auto& [text, type] = model.pieces[id];
    has_sentinels = has_sentinels || text == sentinel(0);
    if (type == Type::control || type == Type::unknown || type == Type::user_defined) {
      tokens.add(std::string(text), static_cast<int>(id));
    }
  }
  const int first = static_cast<int>(model.pieces.size());
  for (int number = 0; number < sentinels && !has_sentinels; ++number) {
    tokens.add(sentinel(number), first + sentinels - 1 - number);
  }
  return tokens;
}

}  // namespace

class SentencePieceTokenizer::Impl {
 public:
  explicit Impl(const std::string& bytes) {
    const SentencePieceModel model = read_sentencepiece_model(bytes);
    special_ = special_tokens(model);
    keeps_last_space_ = model.removes_extra_spaces;
    const auto status = processor_.LoadFromSerializedProto(bytes);
    if (!status.ok()) refuse_model(0, "a sentencepiece model", printable(status.ToString()));
    if (processor_.eos_id() < 0) refuse_model(0, "an end-of-text piece", "none");
    vocabulary_ = std::max(static_cast<int>(model.pieces.size()), special_.largest_id() + 1);
  }

  std::vector<int> encode(std::string_view text, int max_tokens) const {
    std::vector<int> ids;
    while (!text.empty()) {
      const SpecialTokens::Match match = special_.find(text);
      append(ids, text.substr(0, match.begin));
      if (match.length > 0) ids.push_back(match.id);
      text.remove_prefix(match.begin + match.length);
    }
    ids.resize(std::min(ids.size(), static_cast<std::size_t>(std::max(max_tokens, 1)) - 1));
    ids.push_back(processor_.eos_id());
    return ids;
  }

  int vocabulary() const noexcept { return vocabulary_; }
  int pad_id() const noexcept { return std::max(processor_.pad_id(), 0); }

 private:
  std::vector<int> pieces(std::string_view text) const {
    std::vector<int> ids;
    const auto status = processor_.Encode({text.data(), text.size()}, &ids);
    if (!status.ok()) {
      throw Error{Category::internal, "tokenise a text", {}, {}, Got{printable(status.ToString())}};
    }
    return ids;
  }

  void append(std::vector<int>& ids, std::string_view text) const {
    if (text.empty()) return;
    const std::vector<int> found = pieces(text);
    ids.insert(ids.end(), found.begin(), found.end());
    // libsentencepiece drops white space at the end, the tokenizers library does not.
    if (keeps_last_space_ && ends_with_space(text)) ids.push_back(processor_.PieceToId(space_piece.data()));
  }

  /// Whether the normalised text ends with a space: some other characters become one, or nothing.
  bool ends_with_space(std::string_view text) const {
    while (!text.empty()) {
      std::size_t begin = text.size() - 1;
      while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
      const std::string last(text.substr(begin));
      if (last == " ") return true;
      if (!pieces(last).empty()) return false;
      if (pieces("a" + last + "a") == pieces("a a")) return true;
      text = text.substr(0, begin);
    }
    return false;
  }

  sentencepiece::SentencePieceProcessor processor_;
  SpecialTokens special_;
  bool keeps_last_space_ = true;
  int vocabulary_ = 0;
};

SentencePieceTokenizer::SentencePieceTokenizer(const std::string& model_bytes)
    : impl_(std::make_unique<const Impl>(model_bytes)) {}
SentencePieceTokenizer::~SentencePieceTokenizer() = default;
SentencePieceTokenizer::SentencePieceTokenizer(SentencePieceTokenizer&&) noexcept = default;
SentencePieceTokenizer& SentencePieceTokenizer::operator=(SentencePieceTokenizer&&) noexcept = default;

std::vector<int> SentencePieceTokenizer::encode(std::string_view cleaned_text, int max_tokens) const {
  return impl_->encode(cleaned_text, max_tokens);
}

int SentencePieceTokenizer::vocabulary() const noexcept { return impl_->vocabulary(); }
int SentencePieceTokenizer::pad_id() const noexcept { return impl_->pad_id(); }

}  // namespace ditmill::models
