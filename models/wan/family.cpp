#include "models/family.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "models/binding/agreement.h"
#include "models/byte_counts.h"
#include "models/text_encoders/umt5_dims.h"
#include "models/text_encoders/umt5_memory.h"
#include "models/vae/wan_decode_memory.h"
#include "models/vae/wan_vae_dims.h"
#include "models/wan/degrees.h"
#include "models/wan/dims.h"
#include "models/wan/experts.h"
#include "models/wan/flops.h"
#include "models/wan/sizes.h"

namespace ditmill::models {
namespace {

using wan::Dims;

/// Refuses what no run of this family can use yet, though its layers may be there: pictures, and models of
/// Wan 2.2 but A14B for texts.
void refuse_other_models(const registry::Component& component) {
  constexpr const char* binding = "bind the transformer's weights";
  const std::string& variant = component.identity.variant;
  if (variant.starts_with("wan2.2-") && !variant.starts_with("wan2.2-t2v-a14b-")) {
    throw Error{Category::unsupported, binding, Where{.file = component.label},
                Expected{"a text-to-video transformer: Wan 2.1's, or an expert of Wan 2.2 A14B"},
                Got{variant}};
  }
  for (const auto& [name, shape] : component.shapes()) {
    if (name.find(".add_k_proj.") == std::string::npos && name.find("image_embedder.") == std::string::npos)
      continue;
    throw Error{Category::unsupported, binding, Where{.file = component.label, .tensor = name},
                Expected{"a text-to-video transformer"}, Got{"an image-to-video transformer"}};
  }
}

Dims bind_text_to_video(const registry::Component& component) {
  refuse_other_models(component);
  const Dims dims = wan::bind_dit(component);
  if (dims.in_channels == dims.out_channels) return dims;
  throw Error{Category::unsupported, "bind the transformer's weights",
              Where{.file = component.label, .tensor = "patch_embedding.weight"},
              Expected{"as many input channels as output channels, " + std::to_string(dims.out_channels) +
                       ": a text-to-video transformer"},
              Got{std::to_string(dims.in_channels)}};
}

class Wan final : public Family {
 public:
  std::string_view name() const noexcept override { return "wan"; }
  std::string_view prediction_type() const noexcept override { return "flow"; }

  nlohmann::json bind(const registry::Component& component) const override {
    if (component.role == "dit") return wan::to_json(bind_text_to_video(component));
    if (component.role == "vae") return bind_wan_vae(component);
    if (component.role == "text_encoder") return bind_umt5(component);
    throw Error{Category::unsupported, "bind the weights", Where{.file = component.label},
                Expected{"a dit, a vae or a text_encoder, as Wan's text-to-video pipeline has"},
                Got{printable(component.role)}};
  }

  void check_together(const HyperParameters& all) const override {
    const Dims dit = wan::dims_from_json(all.at("transformer"));
    const nlohmann::json& vae = all.at("vae");
    require_agreement("latent channels", "vae", vae.at("z_dim"), dit.out_channels);
    require_agreement("text width", "text_encoder", all.at("text_encoder").at("dim"), dit.text_dim);
    require_agreement("pixels of a latent pixel", "vae", vae.at("spatial_scale"), wan::spatial_compression);
    require_agreement("frames of a latent frame", "vae", vae.at("temporal_scale"), wan::temporal_compression);
    const auto second = all.find("transformer_2");
    if (second == all.end()) return;
    const nlohmann::json first = wan::to_json(dit);
    const nlohmann::json other = wan::to_json(wan::dims_from_json(second->second));
    for (const auto& [what, value] : other.items()) {
      const nlohmann::json expected = first.value(what, nlohmann::json(nullptr));
      if (value == expected) continue;
      throw Error{Category::bad_input,
                  "fit the components together",
                  Where{.key = "transformer_2"},
                  Expected{what + " " + expected.dump() + ", as the other expert has"},
                  Got{value.dump()},
                  "the folder mixes experts of different models"};
    }
  }

  std::string_view architecture(std::string_view role) const override {
    if (role == "dit") return "wan_dit";
    if (role == "text_encoder") return "umt5";
    return role == "image_encoder" ? "clip_vision" : "wan_vae";
  }

  bool takes(const HyperParameters& all, std::string_view field) const override {
    const bool of_experts = field == "guidance_scale_2" || field == "boundary";
    return !of_experts || all.contains("transformer_2");
  }

  std::vector<Problem> check_request(const configs::Request& request) const override {
    return wan::check_sizes(request);
  }

  std::vector<Problem> check_degrees(const HyperParameters& all,
                                     const configs::ParallelConfig& parallel) const override {
    return wan::check_degrees(wan::dims_from_json(all.at("transformer")),
                              umt5_dims_from_json(all.at("text_encoder")), parallel);
  }

  std::vector<Encoding> encodings(const configs::PipelineConfig& pipeline) const override {
    std::vector<Encoding> tasks{{"text_encoder", "prompt", Use::positive}};
    if (pipeline.guided()) tasks.push_back({"text_encoder", "negative_prompt", Use::negative});
    return tasks;
  }

  std::vector<Phase> phases(const HyperParameters& all) const override {
    std::vector<Phase> phases{{Phase::Kind::texts, "texts", {"text_encoder"}},
                              {Phase::Kind::denoise, "denoise", {"transformer"}},
                              {Phase::Kind::decode, "decode", {"vae"}}};
    if (all.contains("transformer_2")) {
      phases[1].name = "high noise";
      phases.insert(phases.begin() + 2, {Phase::Kind::denoise, "low noise", {"transformer_2"}});
    }
    return phases;
  }

  std::size_t clips_together(const configs::PipelineConfig& pipeline) const override {
    return wan::clips_together(pipeline);
  }

  void settle(configs::PipelineConfig& pipeline) const override {
    if (!pipeline.guided() || wan::low_noise_guidance(pipeline) == pipeline.guidance_scale) {
      pipeline.more.erase("guidance_scale_2");
    }
  }

  std::vector<Problem> check_pipeline(const HyperParameters& all,
                                      const configs::PipelineConfig& pipeline) const override {
    if (!all.contains("transformer_2") || configs::real_in(pipeline.more, "boundary")) return {};
    return {
        {.message = "boundary is missing, which shares the steps between two experts",
         .expected = "a number from 0 to 1, or boundary_ratio in model_index.json, or a preset that has it",
         .field = "boundary"}};
  }

  std::array<std::int64_t, 4> latent_shape(const HyperParameters& all,
                                           const configs::Request& request) const override {
    return wan::latent_shape(wan::dims_from_json(all.at("transformer")), request);
  }

  ActivationBytes activation_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                   const configs::Request& request, const CpuKind& cpu) const override {
    const auto dtype = [&](const char* name) { return pipeline.components.at(name).dtype; };
    const configs::ParallelConfig& parallel = pipeline.parallel;
    const wan::Dims dims = wan::dims_from_json(all.at("transformer"));
    std::uint64_t denoise = wan::denoise_bytes(dims, dtype("transformer"), request, parallel);
    if (all.contains("transformer_2")) {
      denoise = std::max(denoise, wan::denoise_bytes(dims, dtype("transformer_2"), request, parallel));
    }
    return {.encode = umt5_encode_bytes(all.at("text_encoder"), dtype("text_encoder"), parallel),
            .denoise = denoise + waiting_bytes(all, pipeline, request),
            .decode = wan_decode_bytes(all.at("vae"), dtype("vae"), cpu, request,
                                       pipeline.components.at("vae").tiling, parallel)};
  }

  DenoiseFlops denoise_flops(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                             const configs::Request& request) const override {
    return wan::denoise_flops(wan::dims_from_json(all.at("transformer")), pipeline, request);
  }

  TextLimits text_limits(const HyperParameters& all) const override {
    return {.tokens = umt5_text_tokens, .vocabulary = umt5_dims_from_json(all.at("text_encoder")).vocabulary};
  }

  std::uint64_t embedding_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                std::string_view /*encoder*/, std::string_view text) const override {
    return umt5_embedding_bytes(all.at("text_encoder"), pipeline.components.at("text_encoder").dtype, text);
  }

 private:
  /// Of clips that wait for the other expert: latents, what the sampler remembers, and texts as passes are
  /// told.
  std::uint64_t waiting_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                              const configs::Request& request) const {
    constexpr std::uint64_t copies = 5;
    const auto texts = static_cast<std::uint64_t>(2 * wan::text_tokens *
                                                  wan::dims_from_json(all.at("transformer")).text_dim) *
                       sizeof(float);
    return (wan::window_of_experts(pipeline) - 1) *
           (copies * latent_bytes(latent_shape(all, request)) + texts);
  }
};

}  // namespace

const Family& wan_family() {
  static const Wan family;
  return family;
}

}  // namespace ditmill::models
