#include "jobs/plan/bind/long_texts.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "jobs/requests/items/some_ids.h"
#include "models/text/clean.h"
#include "models/tokenizers/most_tokens.h"

namespace ditmill::jobs::plan {
namespace {

/// Texts that may have more tokens than fit: each is tokenised once, however many items share it.
class LongTexts {
 public:
  LongTexts(const models::Tokenizer& tokenizer, std::size_t most) : tokenizer_(tokenizer), most_(most) {}

  void add(std::string_view text) {
    if (text.data() == last_.data() && text.size() == last_.size()) return;
    last_ = text;
    if (models::most_tokens(text) > most_) tokens_.try_emplace(text, 0);
  }

  /// Tokenises all that were added, on all cores.
  void count() {
    std::vector<Entry*> left;
    for (Entry& entry : tokens_) left.push_back(&entry);
    constexpr std::size_t worth_a_thread = 1000;
    const std::size_t threads = std::clamp<std::size_t>(left.size() / worth_a_thread, 1,
                                                        std::max(1U, std::thread::hardware_concurrency()));
    std::atomic<std::size_t> next = 0;
    std::vector<std::future<void>> workers;
    for (std::size_t i = 0; i < threads; ++i) {
      workers.push_back(std::async(std::launch::async, [&] {
        for (std::size_t at = next++; at < left.size(); at = next++) {
          left[at]->second = tokenizer_.count(models::clean_prompt(left[at]->first));
        }
      }));
    }
    for (std::future<void>& worker : workers) worker.get();
  }

  /// The tokens of a text that has more than fit; 0 for others.
  std::size_t too_many(std::string_view text) const {
    const auto found = tokens_.find(text);
    return found == tokens_.end() || found->second <= most_ ? 0 : found->second;
  }

 private:
  using Entry = std::pair<const std::string_view, std::size_t>;

  const models::Tokenizer& tokenizer_;
  std::size_t most_;
  std::unordered_map<std::string_view, std::size_t> tokens_;
  std::string_view last_;  ///< as a rule the next item's negative prompt
};

/// The items of which one text is too long.
struct TooLong {
  requests::SomeIds ids = {};
  const requests::PackedItem* first = nullptr;
  std::size_t longest = 0;

  void add(const requests::PackedItem& item, std::size_t tokens) {
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
                     ", its end with them, and what is behind them changes nothing: say it in fewer words",
          .expected = "at most " + tokens,
          .got = std::to_string(found.longest)};
}

}  // namespace

std::vector<Problem> long_text_warnings(const Manifest& manifest, const models::Tokenizer& tokenizer,
                                        std::span<const models::Encoding> encodings, std::int64_t most) {
  const auto fit = static_cast<std::size_t>(most);
  std::vector<Problem> warnings;
  for (const models::Encoding& task : encodings) {
    LongTexts texts{tokenizer, fit};
    for (const requests::PackedItem& item : manifest.items.packed())
      texts.add(configs::text_of(item, task.field));
    texts.count();
    TooLong found;
    for (const requests::PackedItem& item : manifest.items.packed()) {
      found.add(item, texts.too_many(configs::text_of(item, task.field)));
    }
    if (found.first == nullptr) continue;
    std::string field = task.field;
    std::ranges::replace(field, '_', ' ');
    const bool longer =
        task.use == models::Use::negative && !manifest.pipeline.negative_prompt_suffix.empty();
    warnings.push_back(warning(found, manifest.list_file,
                               "the " + field + (longer ? ", with the preset's behind it," : ""), fit));
  }
  return warnings;
}

}  // namespace ditmill::jobs::plan
