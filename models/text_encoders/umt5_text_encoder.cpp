#include "models/text_encoders/umt5_text_encoder.h"

#include <ATen/ATen.h>

#include "models/generator_parts.h"
#include "models/text/clean.h"
#include "models/text_encoders/umt5.h"
#include "models/tokenizers/read_tokenizer.h"

namespace ditmill::models {
namespace {

/// UMT5 on its weights' device, and its tokenizer.
class Umt5TextEncoder final : public TextEncoder {
 public:
  Umt5TextEncoder(LoadedModel& model, const dist::ParallelContext& parallel)
      : tokenizer_(make_tokenizer(model.tokenizer)),
        text_encoder_(build<Umt5Encoder>(taken(model.weights, "text_encoder"), "text_encoder", model.numerics,
                                         model.hyper_parameters.at("text_encoder"), parallel)) {}

  EncodedText encode(const TextTask& task) override {
    return guarded([&] {
      const std::string cleaned = clean_prompt(task.text);
      const std::vector<int> ids = ids_of(cleaned);
      EncodedText encoded{.tokens = static_cast<std::int64_t>(ids.size())};
      if (encoded.tokens == umt5_text_tokens) {
        encoded.tokens = static_cast<std::int64_t>(tokenizer_->count(cleaned));
        encoded.tokens_cut = encoded.tokens - umt5_text_tokens;
      }
      // A copy: a view of the padded embedding would keep all rows alive.
      const at::Tensor rows = text_encoder_.encode(ids).clone(at::MemoryFormat::Contiguous).to(at::kCPU);
      if (!at::isfinite(rows).all().item<bool>()) throw not_finite("encode the text", "embedding");
      encoded.tensors.emplace("text", rows);
      return encoded;
    });
  }

  std::uint64_t embedding_bytes(const TextTask& task) override {
    return ids_of(clean_prompt(task.text)).size() * text_encoder_.bytes_per_token();
  }

 private:
  std::vector<int> ids_of(const std::string& cleaned) const {
    return tokenizer_->encode(cleaned, static_cast<int>(umt5_text_tokens));
  }

  std::unique_ptr<const Tokenizer> tokenizer_;
  Umt5Encoder text_encoder_;
};

}  // namespace

std::unique_ptr<TextEncoder> make_umt5_text_encoder(LoadedModel& model,
                                                    const dist::ParallelContext& parallel) {
  return std::make_unique<Umt5TextEncoder>(model, parallel);
}

}  // namespace ditmill::models
