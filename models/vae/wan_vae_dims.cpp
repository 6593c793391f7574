#include "models/vae/wan_vae_dims.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "models/binding/architecture.h"
#include "models/vae/wan_vae_names.h"
#include "registry/identity/catalog.h"

namespace ditmill::models {
namespace {

// Of the published Wan 2.1 VAE: what diffusers assumes where config.json is silent.
constexpr std::array<double, 16> published_mean{-0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,
                                                -0.1517, 1.5508,  0.4134,  -0.0715, 0.5517,  -0.3632,
                                                -0.1922, -0.9497, 0.2503,  -0.2921};
constexpr std::array<double, 16> published_std{2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708,
                                               2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579,
                                               1.6382, 1.1253, 2.8251, 1.9160};

constexpr std::int64_t most_levels = 8;

// The catalog states four levels; other numbers and widths of them are read here.
constexpr std::array<Size<WanVaeDims>, 2> vae_sizes{
    {{"base_dim", &WanVaeDims::base_dim}, {"z_dim", &WanVaeDims::z_dim}}};

std::string up_block(std::int64_t i) { return "decoder.up_blocks." + std::to_string(i) + "."; }

/// Widths of the levels as multiples of the base: config.json's, or with the full size's width as the base.
void read_widths(const ComponentReader& reader, WanVaeDims& d) {
  constexpr const char* first = "decoder.up_blocks.0.resnets.0.norm2.gamma";
  const std::int64_t levels = reader.count("decoder.up_blocks.", ".resnets.0.norm2.gamma");
  if (levels == 0) reader.refuse(first, "a tensor of this name, as a Wan 2.1 VAE has", "none");
  if (levels > most_levels) {
    reader.refuse(first, "at most " + std::to_string(most_levels) + " levels", std::to_string(levels));
  }
  std::vector<std::int64_t> widths;
  for (std::int64_t i = levels - 1; i >= 0; --i) {
    widths.push_back(reader.size(up_block(i) + "resnets.0.norm2.gamma", 4, 0));
  }
  for (const std::int64_t width : widths) {
    if (width % d.base_dim != 0) {
      reader.refuse("decoder", "widths that are multiples of " + std::to_string(d.base_dim),
                    std::to_string(width));
    }
    d.dim_mult.push_back(width / d.base_dim);
  }
  d.num_res_blocks = reader.count(up_block(0) + "resnets.", ".norm1.gamma") - 1;
  if (d.num_res_blocks < 1) reader.refuse(up_block(0) + "resnets", "two residual blocks or more", "fewer");
  for (std::int64_t step = 0; step + 1 < levels; ++step) {
    d.temporal_downsample.push_back(
        reader.has(up_block(levels - 2 - step) + "upsamplers.0.time_conv.weight"));
  }
}

void read_statistics(const ComponentReader& reader, WanVaeDims& d) {
  const auto channels = static_cast<std::size_t>(d.z_dim);
  const auto mean = reader.numbers("latents_mean", channels);
  const auto deviation = reader.numbers("latents_std", channels);
  if ((!mean || !deviation) && channels != published_mean.size()) {
    reader.refuse("post_quant_conv.weight",
                  "latents_mean and latents_std of " + std::to_string(channels) + " channels in config.json",
                  "none; only those of 16 channels are known");
  }
  d.latents_mean = mean.value_or(std::vector(published_mean.begin(), published_mean.end()));
  d.latents_std = deviation.value_or(std::vector(published_std.begin(), published_std.end()));
  if (std::any_of(d.latents_std.begin(), d.latents_std.end(), [](double value) { return value <= 0; })) {
    reader.refuse("post_quant_conv.weight", "latents_std above 0 in config.json", "a value that is not");
  }
}

void check_config(const ComponentReader& reader, const WanVaeDims& d) {
  reader.agrees("base_dim", d.base_dim);
  reader.agrees("decoder_base_dim", d.base_dim);
  reader.agrees("z_dim", d.z_dim);
  reader.agrees("dim_mult", d.dim_mult);
  reader.agrees("num_res_blocks", d.num_res_blocks);
  reader.agrees("temperal_downsample", d.temporal_downsample);
  reader.agrees("scale_factor_spatial", d.spatial_scale());
  reader.agrees("scale_factor_temporal", d.temporal_scale());
  reader.only("attn_scales", nlohmann::json::array());
  reader.only("is_residual", false);
  reader.only("in_channels", 3);
  reader.only("out_channels", 3);
  reader.only("patch_size", nullptr);
}

}  // namespace

std::int64_t WanVaeDims::up_width(std::int64_t i) const { return base_dim * dim_mult[levels() - 1 - i]; }

std::int64_t WanVaeDims::up_input(std::int64_t i) const {
  // An upsampler halves the channels of the level before it.
  return i == 0 ? up_width(0) : up_width(i - 1) / 2;
}

std::int64_t WanVaeDims::temporal_scale() const {
  return std::int64_t{1} << std::count(temporal_downsample.begin(), temporal_downsample.end(), true);
}

nlohmann::json to_json(const WanVaeDims& d) {
  return {{"base_dim", d.base_dim},
          {"z_dim", d.z_dim},
          {"dim_mult", d.dim_mult},
          {"num_res_blocks", d.num_res_blocks},
          {"temporal_downsample", d.temporal_downsample},
          {"latents_mean", d.latents_mean},
          {"latents_std", d.latents_std},
          {"spatial_scale", d.spatial_scale()},
          {"temporal_scale", d.temporal_scale()}};
}

WanVaeDims wan_vae_dims_from_json(const nlohmann::json& json) {
  WanVaeDims d;
  d.base_dim = json.at("base_dim");
  d.z_dim = json.at("z_dim");
  d.dim_mult = json.at("dim_mult").get<std::vector<std::int64_t>>();
  d.num_res_blocks = json.at("num_res_blocks");
  d.temporal_downsample = json.at("temporal_downsample").get<std::vector<bool>>();
  d.latents_mean = json.at("latents_mean").get<std::vector<double>>();
  d.latents_std = json.at("latents_std").get<std::vector<double>>();
  return d;
}

Shapes wan_vae_shapes(const WanVaeDims& dims) {
  Shapes shapes;
  add_wan_encoder_shapes(shapes, dims);
  add_wan_decoder_shapes(shapes, dims);
  return shapes;
}

nlohmann::json bind_wan_vae(const registry::Component& component) {
  const ComponentReader reader(component, "bind the VAE's weights", "a Wan 2.1 VAE");
  reader.only("is_residual", false);
  WanVaeDims d;
  solve_sizes<WanVaeDims>(reader, registry::built_in_architecture("wan_vae"), vae_sizes, d);
  read_widths(reader, d);
  read_statistics(reader, d);
  check_config(reader, d);
  reader.account(wan_vae_shapes(d));
  return to_json(d);
}

bool vae_needs(std::string_view tensor) noexcept {
  return !tensor.starts_with("encoder.") && !tensor.starts_with("quant_conv.");
}

}  // namespace ditmill::models
