#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "dist/parallel_context.h"
#include "models/text_encoders/umt5_dims.h"
#include "models/text_encoders/umt5_layers.h"
#include "models/weights_view.h"

namespace ditmill::models {

/// The encoder half of UMT5 (every layer has relative position biases of its own), with the operators of
/// transformers 5.23's SDPA path in their order, float32 or bfloat16.
class Umt5Encoder {
 public:
  /// Tokens of one text, padding included: what the Wan pipeline of diffusers encodes.
  static constexpr std::int64_t tokens = umt5_text_tokens;

  /// `hyper_parameters`: what bind_umt5() gives.
  Umt5Encoder(const WeightsView& weights, const nlohmann::json& hyper_parameters,
              const dist::ParallelContext& parallel);

  /// [ids.size(), dim] in the weights' dtype: padded to `tokens` with id 0 and masked, encoded, trimmed
  /// again. Throws Error(bad_input) for none, too many, or an id that the embedding does not have.
  at::Tensor encode(const std::vector<int>& ids) const;
  std::size_t bytes_per_token() const { return static_cast<std::size_t>(dims_.dim) * embedding_.itemsize(); }

 private:
  at::Tensor embed(const at::Tensor& ids) const;

  Umt5Dims dims_;
  dist::ParallelContext parallel_;
  dist::Range rows_;      ///< of the vocabulary that this tp rank holds
  at::Tensor embedding_;  ///< [rows, dim]
  std::vector<Umt5Block> blocks_;
  Umt5Norm final_norm_;
  at::Tensor buckets_;  ///< [tokens, tokens] int64: of key minus query
};

}  // namespace ditmill::models
