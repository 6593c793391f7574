#include "models/text_encoders/umt5.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "configs/error.h"
#include "dist/comm/tensors.h"
#include "models/text_encoders/umt5_names.h"

namespace ditmill::models {
namespace {

at::Tensor take_embedding(const WeightsView& weights, std::int64_t rows, std::int64_t dim) {
  at::Tensor alias;
  if (weights.has(umt5_names::embed_tokens)) {
    alias = weights.take(umt5_names::embed_tokens, {rows, dim});
    if (!weights.has(umt5_names::shared)) return alias;
  }
  return weights.take(umt5_names::shared, {rows, dim});
}

std::vector<Umt5Block> make_blocks(const WeightsView& weights, const Umt5Dims& dims,
                                   const dist::ParallelContext& parallel) {
  std::vector<Umt5Block> blocks;
  blocks.reserve(static_cast<std::size_t>(dims.layers));
  for (std::int64_t layer = 0; layer < dims.layers; ++layer) {
    blocks.emplace_back(weights.scope("block", layer), dims, parallel);
  }
  return blocks;
}

/// The bucket of each key's position relative to each query's. One half of the buckets is for keys behind the
/// query; of each half the first half is exact, the rest grows with the logarithm of the distance.
at::Tensor position_buckets(const Umt5Dims& dims, std::int64_t tokens) {
  const at::Tensor position = at::arange(tokens, at::kLong);
  const at::Tensor relative = position.unsqueeze(0) - position.unsqueeze(1);
  const std::int64_t half = dims.buckets / 2;
  const std::int64_t exact = half / 2;
  const at::Tensor distance = relative.abs();
  const double range = std::log(static_cast<double>(dims.max_distance) / static_cast<double>(exact));
  const at::Tensor steps = at::log(distance.to(at::kFloat) / exact) / range * (half - exact);
  // The logarithm of 0 is not taken below; clamped, it has a defined conversion all the same.
  const at::Tensor far = (exact + at::clamp_min(steps, 0).to(at::kLong)).clamp_max(half - 1);
  return (relative > 0).to(at::kLong) * half + at::where(distance < exact, distance, far);
}

}  // namespace

Umt5Encoder::Umt5Encoder(const WeightsView& weights, const nlohmann::json& hyper_parameters,
                         const dist::ParallelContext& parallel)
    : dims_(umt5_dims_from_json(hyper_parameters)),
      parallel_(parallel),
      rows_(parallel.part(dist::Axis::tp, dims_.vocabulary)),
      embedding_(take_embedding(weights, rows_.size(), dims_.dim)),
      blocks_(make_blocks(weights.scope("encoder"), dims_, parallel)),
      final_norm_(weights.scope("encoder").scope("final_layer_norm"), dims_),
      buckets_(position_buckets(dims_, tokens).to(embedding_.device())) {}

at::Tensor Umt5Encoder::embed(const at::Tensor& ids) const {
  if (parallel_.degree(dist::Axis::tp) == 1) return at::embedding(embedding_, ids);
  // One rank has a token's row, the others add zeros to it: exact.
  const at::Tensor own = (ids >= rows_.begin).logical_and(ids < rows_.end);
  const at::Tensor rows = at::embedding(embedding_, (ids - rows_.begin).clamp(0, rows_.size() - 1));
  return dist::all_reduce(parallel_.team(dist::Team::tp), at::where(own.unsqueeze(-1), rows, 0.0),
                          dist::Purpose::tensor);
}

at::Tensor Umt5Encoder::encode(const std::vector<int>& ids) const {
  const auto count = static_cast<std::int64_t>(ids.size());
  if (count < 1 || count > tokens) {
    throw Error{Category::bad_input,
                "encode a text",
                {},
                Expected{"1 to " + std::to_string(tokens) + " tokens"},
                Got{std::to_string(count)}};
  }
  const auto [low, high] = std::minmax_element(ids.begin(), ids.end());
  if (*low < 0 || *high >= dims_.vocabulary) {
    throw Error{Category::bad_input,
                "encode a text",
                {},
                Expected{"token ids below " + std::to_string(dims_.vocabulary) + ", the embedding's rows"},
                Got{std::to_string(*low < 0 ? *low : *high)},
                "the tokenizer and the text encoder belong to different models"};
  }
  at::Tensor padded = at::zeros({1, tokens}, at::kLong);
  std::copy(ids.begin(), ids.end(), padded.data_ptr<std::int64_t>());
  at::Tensor attended;
  if (count < tokens) {
    attended = (at::arange(tokens, at::kLong) < count).view({1, 1, 1, tokens}).to(embedding_.device());
  }

  at::Tensor x = embed(padded.to(embedding_.device()));
  for (const Umt5Block& block : blocks_) x = block(x, buckets_, attended);
  return final_norm_(x)[0].narrow(0, 0, count);
}

}  // namespace ditmill::models
