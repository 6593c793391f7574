#include "models/family.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "models/binding/agreement.h"
#include "models/byte_counts.h"
#include "models/image_encoders/clip_vision_dims.h"
#include "models/image_encoders/clip_vision_memory.h"
#include "models/pictures/picture_sizes.h"
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

/// A transformer whose latents stand alone (from text), or before a mask and the latents of pictures.
Dims bind_transformer(const registry::Component& component) {
  const Dims dims = wan::bind_dit(component);
  if (dims.in_channels == dims.out_channels || wan::takes_condition(dims)) return dims;
  throw Error{Category::unsupported, "bind the transformer's weights",
              Where{.file = component.label, .tensor = "patch_embedding.weight"},
              Expected{fmt::format(
                  "{} input channels (text to video) or {} (picture to video), for it gives {}",
                  dims.out_channels, 2 * dims.out_channels + wan::temporal_compression, dims.out_channels)},
              Got{std::to_string(dims.in_channels)}};
}

class Wan final : public Family {
 public:
  std::string_view name() const noexcept override { return "wan"; }
  std::string_view prediction_type() const noexcept override { return "flow"; }

  nlohmann::json bind(const registry::Component& component) const override {
    if (component.role == "dit") return wan::to_json(bind_transformer(component));
    if (component.role == "vae") return bind_wan_vae(component);
    if (component.role == "text_encoder") return bind_umt5(component);
    if (component.role == "image_encoder") return bind_clip_vision(component);
    throw Error{Category::unsupported, "bind the weights", Where{.file = component.label},
                Expected{"a dit, a vae, a text_encoder or an image_encoder, as Wan's pipelines have"},
                Got{printable(component.role)}};
  }

  void check_together(const HyperParameters& all) const override {
    const Dims dit = wan::dims_from_json(all.at("transformer"));
    const nlohmann::json& vae = all.at("vae");
    require_agreement("latent channels", "vae", vae.at("z_dim"), dit.out_channels);
    require_agreement("text width", "text_encoder", all.at("text_encoder").at("dim"), dit.text_dim);
    require_agreement("frames of a latent frame", "vae", vae.at("temporal_scale"), wan::temporal_compression);
    check_image_encoder(all, dit);
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
    if (of_experts) return all.contains("transformer_2");
    const Dims dims = wan::dims_of(all);
    if (field == "image") return wan::takes_condition(dims) || wan::takes_first_frame(dims);
    return field != "last_image" || wan::takes_last_picture(dims);
  }

  std::set<std::string, std::less<>> required(const HyperParameters& all) const override {
    std::set<std::string, std::less<>> fields;
    const Dims dims = wan::dims_of(all);
    if (wan::takes_condition(dims)) fields.insert("image");
    if (dims.image_tokens > 0) fields.insert("last_image");
    return fields;
  }

  configs::FrameSize size_of_picture(const HyperParameters& all, int width, int height,
                                     std::int64_t area) const override {
    const Dims dims = wan::dims_of(all);
    return pictures::size_by_area(width, height, area,
                                  static_cast<int>(dims.spatial_scale * wan::patch_edge));
  }

  std::vector<Problem> check_request(const HyperParameters& all,
                                     const configs::Request& request) const override {
    return wan::check_sizes(wan::dims_of(all), request);
  }

  std::vector<Problem> check_degrees(const HyperParameters& all,
                                     const configs::ParallelConfig& parallel) const override {
    std::optional<Umt5Dims> encoder;
    if (all.contains("text_encoder")) encoder = umt5_dims_from_json(all.at("text_encoder"));
    return wan::check_degrees(wan::dims_of(all), encoder, parallel);
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
    if (all.contains("image_encoder")) {
      phases.insert(phases.begin() + 1, {Phase::Kind::pictures, "pictures", {"image_encoder"}});
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
    std::vector<Problem> problems;
    if (all.contains("transformer_2") && !configs::real_in(pipeline.more, "boundary")) {
      problems.push_back(
          {.message = "boundary is missing, which shares the steps between two experts",
           .expected = "a number from 0 to 1, or boundary_ratio in model_index.json, or a preset that has it",
           .field = "boundary"});
    }
    const std::int64_t scale = all.at("vae").at("spatial_scale");
    const std::optional<configs::VaeTiling>& tiling = pipeline.components.at("vae").tiling;
    for (const int edge :
         tiling ? std::vector{tiling->height, tiling->width, tiling->stride_height, tiling->stride_width}
                : std::vector<int>{}) {
      if (edge % scale == 0) continue;
      problems.push_back({.message = "components.vae.tiling cuts this VAE's latent pixels",
                          .expected = "multiples of " + std::to_string(scale),
                          .got = std::to_string(edge),
                          .field = "components"});
      break;
    }
    return problems;
  }

  std::array<std::int64_t, 4> latent_shape(const HyperParameters& all,
                                           const configs::Request& request) const override {
    return wan::latent_shape(wan::dims_of(all), request);
  }

  ActivationBytes activation_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                   const configs::Request& request, const CpuKind& cpu) const override {
    const auto dtype = [&](const char* name) { return pipeline.components.at(name).dtype; };
    const configs::ParallelConfig& parallel = pipeline.parallel;
    const wan::Dims dims = wan::dims_of(all);
    std::uint64_t decode = wan_decode_bytes(all.at("vae"), dtype("vae"), cpu, request,
                                            pipeline.components.at("vae").tiling, parallel);
    // The VAE encodes a clip of grey frames and pictures, too, in less than its decoder takes.
    if (takes(all, "image")) decode += pixel_bytes(request);
    std::uint64_t denoise = wan::denoise_bytes(dims, dtype("transformer"), request, parallel);
    if (all.contains("transformer_2")) {
      denoise = std::max(denoise, wan::denoise_bytes(dims, dtype("transformer_2"), request, parallel));
    }
    return {.encode = umt5_encode_bytes(all.at("text_encoder"), dtype("text_encoder"), parallel),
            .pictures = clip_bytes(all, pipeline),
            .denoise = denoise + waiting_bytes(all, pipeline, request),
            .decode = decode};
  }

  DenoiseFlops denoise_flops(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                             const configs::Request& request) const override {
    return wan::denoise_flops(wan::dims_of(all), pipeline, request);
  }

  std::int64_t token_count(const HyperParameters& all, const configs::Request& request) const override {
    const std::array<std::int64_t, 4> latent = latent_shape(all, request);
    return latent[1] * (latent[2] / wan::patch_edge) * (latent[3] / wan::patch_edge);
  }

  std::map<std::string, std::vector<std::int64_t>> embedding(const HyperParameters& all,
                                                             std::string_view /*encoder*/,
                                                             std::int64_t tokens) const override {
    return {{"text", {tokens, wan::dims_from_json(all.at("transformer")).text_dim}}};
  }

  TextLimits text_limits(const HyperParameters& all) const override {
    return {.tokens = umt5_text_tokens, .vocabulary = umt5_dims_from_json(all.at("text_encoder")).vocabulary};
  }

  std::uint64_t embedding_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                std::string_view /*encoder*/, std::string_view text) const override {
    return umt5_embedding_bytes(all.at("text_encoder"), pipeline.components.at("text_encoder").dtype, text);
  }

 private:
  static void check_image_encoder(const HyperParameters& all, const Dims& dit) {
    const auto clip = all.find("image_encoder");
    if (clip == all.end()) {
      if (!dit.takes_pictures()) return;
      throw Error{Category::bad_input, "fit the components together", Where{.key = "image_encoder"},
                  Expected{"a CLIP vision encoder, which this transformer is told pictures by"}, Got{"none"}};
    }
    const ClipVisionDims dims = clip_vision_dims_from_json(clip->second);
    require_agreement("width of pictures' tokens", "image_encoder", dims.dim, dit.image_dim);
    if (dit.image_tokens > 0)
      require_agreement("tokens of two pictures", "image_encoder", 2 * dims.tokens, dit.image_tokens);
  }

  /// Of a clip that the VAE encodes, and its copy in the VAE's type.
  static std::uint64_t pixel_bytes(const configs::Request& request) {
    return 2 * sizeof(float) *
           unsigned_of(std::int64_t{3} * request.width * request.height * (request.frames + 1));
  }

  /// What CLIP takes to look at two pictures.
  static std::uint64_t clip_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline) {
    const auto clip = all.find("image_encoder");
    if (clip == all.end()) return 0;
    return clip_vision_encode_bytes(clip->second, pipeline.components.at("image_encoder").dtype, 2);
  }

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
