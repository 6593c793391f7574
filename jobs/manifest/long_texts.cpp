#include "jobs/manifest/long_texts.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "jobs/some_ids.h"
#include "models/text/clean.h"
#include "models/tokenizers/most_tokens.h"

namespace ditmill::jobs {
namespace {

/// Counts the tokens of texts that many items may share.
class TokenCounts {
 public:
  TokenCounts(const models::Tokenizer& tokenizer, std::size_t most) : tokenizer_(tokenizer), most_(most) {}

  /// Tokens of a text that has more than fit; 0 for others.
  std::size_t too_many(std::string_view text) {
    if (text.data() == last_.data() && text.size() == last_.size()) return last_count_;
    last_ = text;
    last_count_ = models::most_tokens(text) <= most_ ? 0 : counted(text);
    return last_count_;
  }

 private:
  std::size_t counted(std::string_view text) {
    const auto [found, is_new] = counted_.try_emplace(text);
    if (is_new) {
      const std::size_t count = tokenizer_.count(models::clean_prompt(text));
      if (count > most_) found->second = count;
    }
    return found->second;
  }

  const models::Tokenizer& tokenizer_;
  std::size_t most_;
  std::unordered_map<std::string_view, std::size_t> counted_;
  std::string_view last_;  ///< as a rule the next item's negative prompt
  std::size_t last_count_ = 0;
};

/// The items of which one text is too long.
struct TooLong {
  SomeIds ids = {};
  const PackedItem* first = nullptr;
  std::size_t longest = 0;

  void add(const PackedItem& item, std::size_t tokens) {
    if (tokens == 0) return;
    if (first == nullptr) first = &item;
    longest = std::max(longest, tokens);
    ids.add(item.id, item.line);
  }
};

Problem warning(const TooLong& found, const std::string& file, const std::string& what, std::size_t most) {
  const std::string tokens = std::to_string(most) + " tokens";
  return {.file = file,
          .line = found.first->line,
          .column = found.first->column,
          .message = what + " of " + found.ids.counted() + " is longer than the text encoder takes: " +
                     found.ids.text() + "; it is cut to the first " + tokens +
                     ", its end with them, and what is behind them changes nothing: shorten it",
          .expected = "at most " + tokens,
          .got = std::to_string(found.longest)};
}

}  // namespace

std::vector<Problem> long_text_warnings(const Manifest& manifest, const models::Tokenizer& tokenizer,
                                        std::int64_t most) {
  const auto fit = static_cast<std::size_t>(most);
  TokenCounts counts{tokenizer, fit};
  TooLong prompts;
  TooLong negatives;
  TokenCounts negative_counts{tokenizer, fit};
  const bool guided = manifest.pipeline.guidance_scale > 1;
  for (const PackedItem& item : manifest.items.packed()) {
    prompts.add(item, counts.too_many(item.prompt));
    if (guided) negatives.add(item, negative_counts.too_many(item.negative_prompt));
  }
  std::vector<Problem> warnings;
  if (prompts.first != nullptr) warnings.push_back(warning(prompts, manifest.list_file, "the prompt", fit));
  if (negatives.first != nullptr) {
    const std::string whole = manifest.pipeline.negative_prompt_suffix.empty()
                                  ? "the negative prompt"
                                  : "the negative prompt, with the preset's behind it,";
    warnings.push_back(warning(negatives, manifest.list_file, whole, fit));
  }
  return warnings;
}

}  // namespace ditmill::jobs
