#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "configs/list_text.h"
#include "models/denoise/turns.h"
#include "models/generator_table.h"
#include "models/offload/visiting.h"
#include "models/samplers/noise.h"
#include "models/samplers/sampler.h"
#include "models/text/clean.h"
#include "models/text_encoders/umt5.h"
#include "models/tokenizers/read_tokenizer.h"
#include "models/vae/wan_decoder.h"
#include "models/wan/experts.h"
#include "models/wan/sizes.h"
#include "models/wan/text_denoiser.h"
#include "models/wan/transformer.h"

namespace ditmill::models {
namespace {

/// Takes a value out of a map by name; a default one where there is none.
template <typename Map>
typename Map::mapped_type taken(Map& map, std::string_view name) {
  const auto found = map.find(name);
  if (found == map.end()) return {};
  typename Map::mapped_type value = std::move(found->second);
  map.erase(found);
  return value;
}

/// Builds one component's layers from its weights, and accounts for every tensor.
template <typename Layers, typename... Arguments>
Layers build(dist::TensorMap tensors, const char* name, const Arguments&... arguments) {
  const WeightsView weights(std::move(tensors), name);
  Layers layers(weights, arguments...);
  weights.finish();
  return layers;
}

Error not_finite(const char* doing, const char* what) {
  return Error{Category::numeric,
               doing,
               {},
               Expected{std::string("a finite ") + what},
               Got{"NaN or infinity"},
               "float32 for this component may help; else its weights are damaged"};
}

/// What a body gives, without a trace for gradients, its failures as Errors.
template <typename Body>
auto guarded(const Body& body) {
  decltype(body()) result;
  translate_errors([&] {
    const c10::InferenceMode inference;
    result = body();
  });
  return result;
}

/// UMT5 on its weights' device, and its tokenizer.
class WanTextEncoder final : public TextEncoder {
 public:
  WanTextEncoder(LoadedModel& model, const dist::ParallelContext& parallel)
      : tokenizer_(make_tokenizer(model.tokenizer)),
        text_encoder_(build<Umt5Encoder>(taken(model.weights, "text_encoder"), "text_encoder",
                                         model.hyper_parameters.at("text_encoder"), parallel)) {}

  EncodedText encode(const TextTask& task) override {
    return guarded([&] {
      const std::string cleaned = clean_prompt(task.text);
      const std::vector<int> ids = ids_of(cleaned);
      EncodedText encoded{.tokens = static_cast<std::int64_t>(ids.size())};
      if (encoded.tokens == wan::text_tokens) {
        encoded.tokens = static_cast<std::int64_t>(tokenizer_->count(cleaned));
        encoded.tokens_cut = encoded.tokens - wan::text_tokens;
      }
      // A copy: a view of the padded embedding would keep all 512 rows alive.
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
    return tokenizer_->encode(cleaned, static_cast<int>(wan::text_tokens));
  }

  std::unique_ptr<const Tokenizer> tokenizer_;
  Umt5Encoder text_encoder_;
};

/// A transformer, or what brings it for its turn.
Visiting<wan::Transformer> transformer_of(LoadedModel& model, const char* name,
                                          const configs::PipelineConfig& pipeline,
                                          const dist::ParallelContext& parallel) {
  const configs::Offload& offload = pipeline.components.at(name).offload;
  ComingBlocks coming{.shards = taken(model.blocks, name),
                      .reshard_after_forward = pipeline.parallel.reshard_after_forward,
                      .offloaded = taken(model.offloaded, name),
                      .ahead = offload.type == configs::OffloadType::async ? offload.prefetch : 0,
                      .device = model.device};
  std::shared_ptr<dist::OffloadedWeights> whole;
  if (coming.offloaded && !offload.by_block()) whole = std::exchange(coming.offloaded, nullptr);
  if (coming.offloaded && coming.offloaded->pieces().empty()) coming.offloaded = nullptr;
  const wan::Dims dims = wan::dims_from_json(model.hyper_parameters.at(name));
  return {[name, dims, parallel, coming](dist::TensorMap weights) {
            return build<wan::Transformer>(std::move(weights), name, dims, parallel, coming);
          },
          taken(model.weights, name), std::move(whole), model.device};
}

/// A transformer while it is here.
class Present final : public Denoiser {
 public:
  explicit Present(Visiting<wan::Transformer>& transformer) : stay_(transformer), denoiser_(*stay_) {}
  const dist::ParallelContext& parallel() const noexcept override { return denoiser_.parallel(); }
  at::TensorOptions options() const override { return denoiser_.options(); }
  std::unique_ptr<ClipPasses> clip(at::IntArrayRef latents) override { return denoiser_.clip(latents); }

 private:
  Visiting<wan::Transformer>::Stay stay_;
  wan::TextDenoiser denoiser_;
};

/// The transformers of a model in the order of their turns.
std::vector<Visiting<wan::Transformer>> transformers_of(LoadedModel& model,
                                                        const configs::PipelineConfig& pipeline,
                                                        const dist::ParallelContext& parallel) {
  std::vector<Visiting<wan::Transformer>> transformers;
  for (const char* name : {"transformer", "transformer_2"}) {
    if (model.hyper_parameters.contains(name)) {
      transformers.push_back(transformer_of(model, name, pipeline, parallel));
    }
  }
  return transformers;
}

Visiting<WanDecoder> decoder_of(LoadedModel& model) {
  return {[hyper_parameters = model.hyper_parameters.at("vae")](dist::TensorMap weights) {
            return build<WanDecoder>(std::move(weights), "vae", hyper_parameters);
          },
          taken(model.weights, "vae"), taken(model.offloaded, "vae"), model.device};
}

/// Wan text-to-video: one transformer or two experts, and the VAE, on their weights' device.
class WanGenerator final : public ClipGenerator {
 public:
  WanGenerator(LoadedModel& model, const configs::PipelineConfig& pipeline,
               const dist::ParallelContext& parallel)
      : pipeline_(pipeline),
        parallel_(parallel),
        dims_(wan::dims_from_json(model.hyper_parameters.at("transformer"))),
        transformers_(transformers_of(model, pipeline, parallel)),
        decoder_(decoder_of(model)) {}

  std::size_t clips_at_once() const noexcept override { return wan::clips_together(pipeline_); }

  std::vector<ClipLatents> denoise(std::span<const ClipInput> clips, const dist::Tell& tell) override {
    return guarded([&] {
      const auto together = static_cast<std::size_t>(parallel_.degree(dist::Axis::pp));
      std::string items;
      for (const ClipInput& clip : clips) extend_list(items, clip.request.id);
      const MakeInputs make_inputs = [&](const at::TensorOptions& options) {
        std::vector<std::vector<DenoiseInput>> batches;
        for (std::size_t i = 0; i < clips.size(); ++i) {
          if (i % together == 0) batches.emplace_back();
          batches.back().push_back(input_of(options, clips[i]));
        }
        return batches;
      };
      const auto at_step = [&](int step) {
        tell((clips.size() == 1 ? "denoising item " : "denoising items ") + items + ", step " +
             std::to_string(step + 1) + " of " + std::to_string(pipeline_.steps));
      };
      std::vector<ClipLatents> results;
      for (Denoised& made : denoise_by_turns(turns(), parallel_, make_inputs, at_step)) {
        results.push_back({made.latents[0].to(at::kCPU, at::kFloat).contiguous(), std::move(made.failure)});
      }
      return results;
    });
  }

  at::Tensor decode(const at::Tensor& latents) override {
    return guarded([&] {
      const auto& tiling = pipeline_.components.at("vae").tiling;
      const bool alone = parallel_.size(dist::Team::clip) == 1;
      const dist::Communicator* group = alone ? nullptr : &parallel_.team(dist::Team::clip);
      const auto decoder = decoder_.enter();
      const at::Tensor decoded = decoder->decode(latents, tiling, group);
      require_finite(decoded);
      return decoder->gather_frames(decoded, latents, tiling, group);
    });
  }

 private:
  /// Throws on all ranks if the rows of any of them are not finite.
  void require_finite(const at::Tensor& decoded) const {
    bool finite = !decoded.defined() || at::isfinite(decoded).all().item<bool>();
    if (parallel_.size(dist::Team::clip) > 1) {
      finite = parallel_.host(dist::Team::clip).max(finite ? 0 : 1, dist::Purpose::agreement) == 0;
    }
    if (!finite) throw not_finite("decode the latents", "picture");
  }

  std::unique_ptr<Sampler> sampler() const {
    return make_sampler(pipeline_.solver, pipeline_.steps, pipeline_.flow_shift);
  }

  std::vector<Turn> turns() {
    const auto turn = [this](std::size_t expert, double scale, StepRange steps) {
      return Turn{.enter = [this, expert] { return std::make_unique<Present>(transformers_[expert]); },
                  .guidance = make_guidance(pipeline_.guided(), scale),
                  .steps = steps};
    };
    const int steps = pipeline_.steps;
    const double scale = pipeline_.guidance_scale;
    if (transformers_.size() == 1) return {turn(0, scale, {0, steps})};
    const int high = steps_above(*sampler(), wan::boundary(pipeline_));
    return {turn(0, scale, {0, high}), turn(1, wan::low_noise_guidance(pipeline_), {high, steps})};
  }

  DenoiseInput input_of(const at::TensorOptions& options, const ClipInput& clip) const {
    DenoiseInput input;
    input.noise =
        initial_noise(clip.request.seed, wan::latent_shape(dims_, clip.request)).to(options.device());
    for (const auto& [use, encoded] : clip.encoded) {
      // In the encoder's type: each expert has its own.
      const at::Tensor& text = encoded.front().tensors.at("text");
      input.told.push_back(wan::told_text(text, options.dtype(text.scalar_type())));
    }
    input.item = clip.request.id;
    input.sampler = sampler();
    return input;
  }

  configs::PipelineConfig pipeline_;
  dist::ParallelContext parallel_;
  wan::Dims dims_;
  std::vector<Visiting<wan::Transformer>> transformers_;
  Visiting<WanDecoder> decoder_;
};

}  // namespace

std::unique_ptr<TextEncoder> make_wan_text_encoder(LoadedModel& model,
                                                   const dist::ParallelContext& parallel) {
  return std::make_unique<WanTextEncoder>(model, parallel);
}

std::unique_ptr<ClipGenerator> make_wan_generator(LoadedModel& model, const configs::PipelineConfig& pipeline,
                                                  const dist::ParallelContext& parallel) {
  return std::make_unique<WanGenerator>(model, pipeline, parallel);
}

}  // namespace ditmill::models
