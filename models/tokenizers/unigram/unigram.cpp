#include "models/tokenizers/unigram/unigram.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "configs/utf8.h"
#include "models/text/code_points.h"
#include "models/tokenizers/unigram/json_field.h"

namespace ditmill::models {
namespace {

std::optional<JsonField> part(const TokenizerJson& file, const std::string& name) {
  const auto found = file.parts.find(name);
  if (found == file.parts.end() || found->second.is_null()) return std::nullopt;
  return JsonField{found->second, name};
}

std::unique_ptr<const Normalizer> read_normalizer(const TokenizerJson& file) {
  const auto description = part(file, "normalizer");
  return description ? make_normalizer(*description) : nullptr;
}

std::unique_ptr<const PreTokenizer> read_pre_tokenizer(const TokenizerJson& file) {
  const auto description = part(file, "pre_tokenizer");
  return description ? make_pre_tokenizer(*description) : nullptr;
}

TokenTemplate read_post_processor(const TokenizerJson& file) {
  const auto description = part(file, "post_processor");
  return description ? read_template(*description) : TokenTemplate{};
}

/// Refuses to cut or to fill at the left side, where no caller expects it.
void check_direction(const TokenizerJson& file, const std::string& name) {
  const auto description = part(file, name);
  const auto direction = description ? description->find("direction") : std::nullopt;
  if (direction && direction->text() != "Right") direction->unsupported("\"Right\"");
}

}  // namespace

UnigramTokenizer::UnigramTokenizer(std::string_view json) : UnigramTokenizer(read_tokenizer_json(json)) {}

UnigramTokenizer::UnigramTokenizer(const TokenizerJson& file)
    : normalizer_(read_normalizer(file)),
      pre_tokenizer_(read_pre_tokenizer(file)),
      model_(file.model),
      added_(file.added_tokens, model_, normalizer_.get()),
      template_(read_post_processor(file)) {
  check_direction(file, "truncation");
  check_direction(file, "padding");
  const auto padding = part(file, "padding");
  if (padding) {
    pad_id_ = padding->at("pad_id").id();
  } else {
    pad_id_ = added_.find("<pad>").value_or(model_.find("<pad>").value_or(0));
  }
  vocabulary_ = std::max(model_.size(), added_.largest_id() + 1);
  for (const int id : template_.before) vocabulary_ = std::max(vocabulary_, id + 1);
  for (const int id : template_.behind) vocabulary_ = std::max(vocabulary_, id + 1);
}

std::vector<int> UnigramTokenizer::encode(std::string_view text, int max_tokens) const {
  const bool valid = utf8::find_invalid(text) == std::string_view::npos;
  const NormalizedText whole(valid ? std::string(text) : to_utf8(to_code_points(text)));
  std::vector<int> ids = template_.before;
  for (TextPart& part : added_.split(whole)) {
    if (part.id) {
      ids.push_back(*part.id);
    } else if (!pre_tokenizer_) {
      model_.encode(part.text.text(), ids);
    } else {
      for (const NormalizedText& word : pre_tokenizer_->split(std::move(part.text))) {
        model_.encode(word.text(), ids);
      }
    }
  }
  const auto most = static_cast<std::size_t>(std::max(max_tokens, 1));
  const std::size_t behind = std::min(template_.behind.size(), most);
  ids.resize(std::min(ids.size(), most - behind));
  ids.insert(ids.end(), template_.behind.begin(),
             template_.behind.begin() + static_cast<std::ptrdiff_t>(behind));
  return ids;
}

}  // namespace ditmill::models
