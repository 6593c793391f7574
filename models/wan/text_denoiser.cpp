#include "models/wan/text_denoiser.h"

#include <ATen/ATen.h>

#include "models/wan/pass_traffic.h"
#include "models/wan/picture_condition.h"

namespace ditmill::models::wan {
namespace {

class TextPasses final : public ClipPasses {
 public:
  TextPasses(Transformer& transformer, at::IntArrayRef latents)
      : transformer_(transformer), grid_(Transformer::grid_of(latents)), tokens_(transformer.tokens(grid_)) {}

  void begin(const at::Tensor& timestep, const dist::TensorMap& told) override {
    const auto of = [&](const char* name) {
      const auto found = told.find(name);
      return found == told.end() ? at::Tensor{} : found->second.to(transformer_.options());
    };
    condition_ = of("condition");
    first_ = of("first");
    conditions_ = transformer_.embed(timestep, of("text"), of("image"));
    if (first_.defined()) transformer_.hold_still(conditions_, tokens_, grid_);
  }
  Streams enter(const at::Tensor& latents) override {
    if (condition_.defined()) return {transformer_.enter(at::cat({latents, condition_}, 1), tokens_)};
    return {transformer_.enter(first_.defined() ? with_first_frame(latents, first_) : latents, tokens_)};
  }
  Streams pass(Streams streams) override {
    return {transformer_.pass(streams.front(), conditions_, tokens_)};
  }
  at::Tensor leave(const Streams& streams) override {
    return transformer_.leave(streams.front(), conditions_, tokens_, grid_);
  }
  std::vector<std::vector<std::int64_t>> shapes() const override {
    return {{1, tokens_.shares.mine().size(), transformer_.dims().dim}};
  }
  std::map<dist::Purpose, std::uint64_t> bytes_given() const override {
    return pass_traffic(transformer_.dims(), transformer_.parallel(), tokens_.shares,
                        static_cast<std::int64_t>(c10::elementSize(transformer_.dtype())));
  }

 private:
  Transformer& transformer_;
  Grid grid_;
  Tokens tokens_;
  Transformer::Conditions conditions_;
  at::Tensor condition_;  ///< what stands behind the latents; undefined: nothing
  at::Tensor first_;      ///< what stands in place of their first frame; undefined: nothing
};

}  // namespace

dist::TensorMap told_text(const at::Tensor& embedding, const at::TensorOptions& options) {
  at::Tensor padded = at::zeros({1, text_tokens, embedding.size(1)}, options);
  padded[0].narrow(0, 0, embedding.size(0)).copy_(embedding);
  return {{"text", padded}};
}

std::unique_ptr<ClipPasses> TextDenoiser::clip(at::IntArrayRef latents) {
  return std::make_unique<TextPasses>(transformer_, latents);
}

}  // namespace ditmill::models::wan
