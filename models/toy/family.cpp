#include "models/family.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "models/binding/agreement.h"
#include "models/byte_counts.h"
#include "models/text_encoders/umt5_dims.h"
#include "models/text_encoders/umt5_memory.h"
#include "models/toy/dims.h"
#include "models/vae/wan_decode_memory.h"
#include "models/vae/wan_vae_dims.h"

namespace ditmill::models {
namespace {

/// Pictures: UMT5, a small transformer, and Wan's VAE 2.1.
class Toy final : public Family {
 public:
  std::string_view name() const noexcept override { return "toy"; }
  std::string_view prediction_type() const noexcept override { return "flow"; }

  nlohmann::json bind(const registry::Component& component) const override {
    if (component.role == "dit") return toy::to_json(toy::bind_dit(component));
    if (component.role == "vae") return bind_wan_vae(component);
    if (component.role == "text_encoder") return bind_umt5(component);
    throw Error{Category::unsupported, "bind the weights", Where{.file = component.label},
                Expected{"a dit, a vae or a text_encoder, as Toy has"}, Got{printable(component.role)}};
  }

  void check_together(const HyperParameters& all) const override {
    const toy::Dims dit = toy::dims_from_json(all.at("transformer"));
    require_agreement("latent channels", "vae", all.at("vae").at("z_dim"), dit.channels);
    require_agreement("text width", "text_encoder", all.at("text_encoder").at("dim"), dit.text_dim);
    require_agreement("pixels of a latent pixel", "vae", all.at("vae").at("spatial_scale"),
                      toy::spatial_compression);
  }

  std::string_view architecture(std::string_view role) const override {
    if (role == "dit") return "toy_dit";
    return role == "text_encoder" ? "umt5" : "wan_vae";
  }

  std::vector<Problem> check_request(const HyperParameters& /*all*/,
                                     const configs::Request& request) const override {
    constexpr int step = static_cast<int>(toy::spatial_compression * toy::patch_edge);
    std::vector<Problem> problems;
    for (const auto& [field, pixels] : {std::pair{"width", request.width}, {"height", request.height}}) {
      if (pixels % step == 0) continue;
      problems.push_back({.message = std::string(field) + " does not fit Toy's patches",
                          .expected = "a multiple of " + std::to_string(step),
                          .got = std::to_string(pixels),
                          .nearest = std::to_string(std::max((pixels + step / 2) / step, 1) * step),
                          .field = field});
    }
    if (request.frames != 1) {
      problems.push_back({.message = "frames is not 1: Toy makes still pictures",
                          .expected = "1",
                          .got = std::to_string(request.frames),
                          .nearest = "1",
                          .field = "frames"});
    }
    return problems;
  }

  std::vector<std::int64_t> output_shape(const HyperParameters& /*all*/, const configs::Request& request,
                                         std::string_view /*output*/) const override {
    return {3, request.height};
  }

  std::vector<Problem> check_degrees(const HyperParameters& /*all*/,
                                     const configs::ParallelConfig& parallel) const override {
    std::vector<Problem> problems;
    for (const auto& [axis, degree] : {std::pair{"tp", parallel.tp},
                                       {"ulysses", parallel.ulysses},
                                       {"ring", parallel.ring},
                                       {"pp", parallel.pp}}) {
      if (degree == 1) continue;
      problems.push_back({.message = std::string(axis) + " is more than Toy can be split by",
                          .expected = "1: its ranks share out items (dp) and guidance (cfg)",
                          .got = std::to_string(degree),
                          .nearest = "1",
                          .field = axis});
    }
    return problems;
  }

  std::vector<Encoding> encodings(const configs::PipelineConfig& pipeline) const override {
    std::vector<Encoding> tasks{{"text_encoder", "prompt", Use::positive}};
    if (pipeline.guided()) tasks.push_back({"text_encoder", "negative_prompt", Use::negative});
    return tasks;
  }

  std::vector<Phase> phases(const HyperParameters& /*all*/) const override {
    return {{Phase::Kind::texts, "texts", {"text_encoder"}},
            {Phase::Kind::denoise, "denoise", {"transformer"}},
            {Phase::Kind::decode, "decode", {"vae"}}};
  }

  std::array<std::int64_t, 4> latent_shape(const HyperParameters& all,
                                           const configs::Request& request) const override {
    return {toy::dims_from_json(all.at("transformer")).channels, 1, request.height / toy::spatial_compression,
            request.width / toy::spatial_compression};
  }

  ActivationBytes activation_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                   const configs::Request& request, const CpuKind& cpu) const override {
    const auto& components = pipeline.components;
    return {.encode = umt5_encode_bytes(all.at("text_encoder"), components.at("text_encoder").dtype,
                                        pipeline.parallel),
            .denoise = denoise_bytes(all, components.at("transformer").dtype, request),
            .decode = wan_decode_bytes(all.at("vae"), components.at("vae").dtype, cpu, request,
                                       components.at("vae").tiling, pipeline.parallel)};
  }

  /// With S tokens of width d: 8 S d^2 and 4 S^2 d for attention, 4 S d ffn for the MLP, a block and pass.
  DenoiseFlops denoise_flops(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                             const configs::Request& request) const override {
    const toy::Dims dims = toy::dims_from_json(all.at("transformer"));
    const auto tokens = static_cast<double>(token_count(all, request));
    const auto width = static_cast<double>(dims.dim);
    const double blocks =
        static_cast<double>(dims.layers + dims.late_layers) * pipeline.steps * (pipeline.guided() ? 2 : 1);
    return {.linear = blocks * tokens * (8 * width * width + 4 * width * static_cast<double>(dims.ffn)),
            .quadratic = blocks * 4 * tokens * tokens * width};
  }

  std::int64_t token_count(const HyperParameters& all, const configs::Request& request) const override {
    const std::array<std::int64_t, 4> latent = latent_shape(all, request);
    return (latent[2] / toy::patch_edge) * (latent[3] / toy::patch_edge);
  }

  std::map<std::string, std::vector<std::int64_t>> embedding(const HyperParameters& all,
                                                             std::string_view /*encoder*/,
                                                             std::int64_t tokens) const override {
    return {{"text", {tokens, toy::dims_from_json(all.at("transformer")).text_dim}}};
  }

  TextLimits text_limits(const HyperParameters& all) const override {
    return {.tokens = umt5_text_tokens, .vocabulary = umt5_dims_from_json(all.at("text_encoder")).vocabulary};
  }

  std::uint64_t embedding_bytes(const HyperParameters& all, const configs::PipelineConfig& pipeline,
                                std::string_view /*encoder*/, std::string_view text) const override {
    return umt5_embedding_bytes(all.at("text_encoder"), pipeline.components.at("text_encoder").dtype, text);
  }

 private:
  /// At its widest a block holds x, its norm and that in float32 twice, q, k, v and what they become; or, of
  /// the MLP, x, the sum and the middle before and after GELU. Samplers keep a few latents.
  std::uint64_t denoise_bytes(const HyperParameters& all, configs::Dtype dtype,
                              const configs::Request& request) const {
    const toy::Dims dims = toy::dims_from_json(all.at("transformer"));
    const std::uint64_t e = bytes_of(dtype);
    const std::uint64_t token =
        unsigned_of(dims.dim) * (9 * e + 2 * sizeof(float)) + 2 * unsigned_of(dims.ffn) * e;
    const std::uint64_t packed = unsigned_of(std::max(6 * dims.dim, dims.ffn)) * unsigned_of(dims.dim) * e;
    return with_slack(unsigned_of(token_count(all, request)) * token + packed +
                      16 * latent_bytes(latent_shape(all, request)));
  }
};

}  // namespace

const Family& toy_family() {
  static const Toy family;
  return family;
}

}  // namespace ditmill::models
