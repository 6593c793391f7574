#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/parallel_context.h"
#include "dist/plan/block_layout.h"
#include "dist/plan/offloaded.h"
#include "dist/plan/slices.h"
#include "dist/weights/offload/weights_on_host.h"
#include "models/component_plan.h"
#include "models/denoise/denoise.h"
#include "models/samplers/noise.h"
#include "models/wan/text_denoiser.h"
#include "tests/models/tiny_transformer.h"

namespace ditmill::models::wan {

/// A layout of ranks, for tables of tests.
struct Layout {
  std::string name;
  configs::ParallelConfig degrees;

  int ranks() const { return degrees.group_size() * degrees.dp.value_or(1); }
};

/// "cfg2.ulysses2.fsdp"
inline Layout layout(const configs::ParallelConfig& degrees) {
  std::string name;
  const dist::Mesh mesh(degrees.group_size() * degrees.dp.value_or(1), degrees);
  for (const dist::Axis axis : dist::axes) {
    if (mesh.degree(axis) > 1) {
      name += (name.empty() ? "" : ".") + std::string(dist::name(axis)) + std::to_string(mesh.degree(axis));
    }
  }
  if (degrees.fsdp) name += degrees.reshard_after_forward ? ".fsdp" : ".fsdp_kept";
  return {name, degrees};
}

/// Five heads of width 24, 7 blocks would be slow: 3; an ffn that no small number divides.
inline Dims odd_dims() {
  return {.dim = 120,
          .heads = 5,
          .head_dim = 24,
          .ffn_dim = 211,
          .layers = 3,
          .in_channels = 16,
          .out_channels = 16,
          .text_dim = 40,
          .freq_dim = 32};
}

inline dist::TensorMap random_weights(const Dims& dims, at::ScalarType dtype, std::uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  dist::TensorMap tensors;
  for (const auto& [name, shape] : dit_shapes(dims)) {
    const std::vector<std::int64_t> sizes(shape.begin(), shape.end());
    const double fan_in =
        sizes.size() < 2 ? 25.0
                         : static_cast<double>(c10::multiply_integers(sizes)) / static_cast<double>(sizes[0]);
    tensors.emplace(
        name,
        (at::randn(sizes, generator) / std::sqrt(fan_in)).to(is_float32_island(name) ? at::kFloat : dtype));
  }
  return tensors;
}

/// What a rank would have loaded of these weights.
struct RankWeights {
  dist::TensorMap tensors;
  ComingBlocks coming;
};

inline RankWeights weights_of(const dist::TensorMap& whole, const Dims& dims,
                              const configs::ParallelConfig& degrees, const dist::Mesh& mesh, int rank,
                              const configs::Offload& offload = {}) {
  const bool narrow = whole.at("proj_out.weight").scalar_type() == at::kBFloat16;
  dist::ComponentPlan plan = plan_component(family_named("wan"), tiny_component(dims), to_json(dims),
                                            narrow ? configs::Dtype::bfloat16 : configs::Dtype::float32);
  plan.fsdp = degrees.fsdp;
  RankWeights mine;
  for (const auto& [name, tensor] : whole) {
    const std::vector<std::uint64_t> shape(tensor.sizes().begin(), tensor.sizes().end());
    const dist::Slice slice = dist::slice_of(plan, mesh, rank, name, shape);
    if (!slice.held) continue;
    mine.tensors[name] =
        slice.dim < 0 ? tensor : tensor.narrow(slice.dim, slice.range.begin, slice.range.size()).contiguous();
  }
  mine.coming = {dist::block_layouts(plan, mesh, rank), degrees.reshard_after_forward};
  for (const auto& [layer, layout] : mine.coming.shards) {
    at::Tensor flat = at::zeros({static_cast<std::int64_t>(layout.bytes)}, at::kByte);
    for (const dist::BlockTensor& part : layout.tensors) {
      const std::string name = dist::block_name({}, layer) + "." + part.name;
      const at::Tensor tensor = mine.tensors.at(name);
      std::memcpy(static_cast<char*>(flat.data_ptr()) + part.offset, tensor.data_ptr(), tensor.nbytes());
      mine.tensors.erase(name);
    }
    const dist::Range range = dist::shard_range(layout, mesh, rank);
    mine.tensors[dist::block_name({}, layer)] = flat.narrow(0, range.begin, range.size()).clone();
  }
  for (auto& [name, tensor] : mine.tensors) tensor = tensor.clone();  // of the rank's own
  plan.offload = offload;
  if (std::vector<dist::Piece> pieces = dist::offloaded_pieces(plan, mesh, rank); !pieces.empty()) {
    mine.coming.offloaded = std::make_shared<dist::WeightsOnHost>(std::move(pieces), mine.tensors, false);
    mine.coming.ahead = offload.type == configs::OffloadType::async ? offload.prefetch : 0;
  }
  return mine;
}

/// A clip to make: frames of the latent and its size in latent pixels.
struct ClipSize {
  std::int64_t frames, height, width;
};

/// What a pass of a clip is told: a text of so many tokens, and pictures where the transformer takes some.
inline dist::TensorMap told_of(const Dims& dims, std::int64_t tokens, const at::TensorOptions& options,
                               std::uint64_t seed) {
  dist::TensorMap told = told_text(draw({tokens, dims.text_dim}, seed), options);
  constexpr std::int64_t of_a_picture = 7;
  const std::int64_t image_tokens = dims.image_tokens > 0 ? dims.image_tokens : of_a_picture;
  if (dims.takes_pictures()) told["image"] = draw({1, image_tokens, dims.image_dim}, seed + 2);
  return told;
}

/// Final latents [1, 16, T, H, W] of clips of these sizes, made together on the ranks of `parallel`.
inline std::vector<at::Tensor> make_clips(const dist::TensorMap& whole, const Dims& dims,
                                          const configs::ParallelConfig& degrees,
                                          const dist::ParallelContext& parallel,
                                          const std::vector<ClipSize>& sizes, double guidance,
                                          std::uint64_t seed, const configs::Offload& offload = {},
                                          configs::Numerics numerics = configs::Numerics::reference) {
  RankWeights mine = weights_of(whole, dims, degrees, parallel.mesh(), parallel.rank(), offload);
  const WeightsView weights(std::move(mine.tensors), "dit", numerics);
  Transformer transformer(weights, dims, parallel, mine.coming);
  weights.finish();
  std::vector<DenoiseInput> inputs;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::uint64_t own = seed + 10 * i;
    inputs.push_back(
        {.noise = initial_noise(static_cast<std::int64_t>(own),
                                {dims.in_channels, sizes[i].frames, sizes[i].height, sizes[i].width}),
         .told = {told_of(dims, 9, transformer.options(), own + 1),
                  told_of(dims, 2, transformer.options(), own + 2)},
         .item = "clip" + std::to_string(i),
         .sampler = make_sampler(configs::Solver::unipc, 3, 3)});
  }
  std::vector<at::Tensor> latents;
  TextDenoiser denoiser{transformer};
  for (const Denoised& made : denoise(denoiser, inputs, *make_guidance(guidance > 1, guidance))) {
    if (made.failure) throw Error{*made.failure};
    latents.push_back(made.latents.to(at::kFloat));
  }
  return latents;
}

inline double distance(const at::Tensor& out, const at::Tensor& reference) {
  return (out.to(at::kDouble) - reference.to(at::kDouble)).norm().item<double>() /
         reference.to(at::kDouble).norm().item<double>();
}

}  // namespace ditmill::models::wan
