#include "models/vae/wan_vae_dims.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "models/binding/architecture.h"
#include "models/vae/wan_vae_names.h"
#include "registry/identity/catalog.h"
#include "registry/tools/model_files.h"

namespace ditmill::models {
namespace {

constexpr std::int64_t most_levels = 8;

// The catalog states four levels; other numbers and widths of them are read here.
constexpr std::array<Size<WanVaeDims>, 2> vae_sizes{
    {{"base_dim", &WanVaeDims::base_dim}, {"z_dim", &WanVaeDims::z_dim}}};

/// 2.1's encoder has no blocks within its blocks.
bool is_residual(const Shapes& shapes) {
  constexpr std::string_view nested = "encoder.down_blocks.0.resnets.";
  const auto first = shapes.lower_bound(nested);
  return first != shapes.end() && first->first.starts_with(nested);
}

const char* architecture_of(const WanVaeDims& d) { return d.is_residual ? "wan_vae_22" : "wan_vae"; }

/// The blocks of the levels, full size first: 2.2's encoder's, or 2.1's decoder's, whose encoder is not
/// nested.
class LevelReader {
 public:
  LevelReader(const ComponentReader& reader, bool residual)
      : reader_(reader),
        blocks_(residual ? "encoder.down_blocks." : "decoder.up_blocks."),
        sampler_(residual ? "downsampler" : "upsamplers.0"),
        residual_(residual),
        count_(reader.count(blocks_, width_of_block)) {
    const std::string first = blocks_ + "0" + width_of_block;
    if (count_ == 0) reader.refuse(first, "a tensor of this name, as " + reader.kind() + " has", "none");
    if (count_ > most_levels) {
      reader.refuse(first, "at most " + std::to_string(most_levels) + " levels", std::to_string(count_));
    }
  }

  std::int64_t count() const noexcept { return count_; }
  std::int64_t width(std::int64_t level) const { return reader_.size(block(level) + width_of_block, 4, 0); }
  /// Of a level of the encoder.
  std::int64_t res_blocks(std::int64_t level) const {
    const std::string blocks = block(level) + ".resnets";
    const std::int64_t extra = residual_ ? 0 : 1;
    const std::int64_t found = reader_.count(blocks + ".", ".norm1.gamma");
    if (found <= extra) {
      reader_.refuse(blocks, "at least " + std::to_string(1 + extra) + " residual blocks",
                     std::to_string(found));
    }
    return found - extra;
  }
  /// Whether time is halved on the way from a level to the next smaller one.
  bool halves_time(std::int64_t level) const {
    return reader_.has(block(residual_ ? level : level + 1) + "." + sampler_ + ".time_conv.weight");
  }

 private:
  static constexpr const char* width_of_block = ".resnets.0.norm2.gamma";

  std::string block(std::int64_t level) const {
    return blocks_ + std::to_string(residual_ ? level : count_ - 1 - level);
  }

  const ComponentReader& reader_;
  std::string blocks_;
  std::string sampler_;
  bool residual_;
  std::int64_t count_;
};

std::int64_t quotient(const ComponentReader& reader, const std::string& tensor, std::int64_t width,
                      std::int64_t base) {
  if (width % base != 0) {
    reader.refuse(tensor, "widths that are multiples of " + std::to_string(base), std::to_string(width));
  }
  return width / base;
}

/// Widths of the levels as multiples of the base: config.json's, or with the full size's width as the base.
void read_widths(const ComponentReader& reader, WanVaeDims& d) {
  const LevelReader levels(reader, d.is_residual);
  for (std::int64_t i = 0; i < levels.count(); ++i) {
    d.dim_mult.push_back(
        quotient(reader, d.is_residual ? "encoder" : "decoder", levels.width(i), d.base_dim));
  }
  d.num_res_blocks = levels.res_blocks(levels.count() - 1);
  for (std::int64_t i = 0; i + 1 < levels.count(); ++i)
    d.temporal_downsample.push_back(levels.halves_time(i));
}

/// A shortcut of a channel for each pixel and frame that is left out gives as many to each outgoing one.
void check_shortcut(const ComponentReader& reader, const std::string& block, std::int64_t from,
                    std::int64_t to) {
  if (from % to == 0) return;
  reader.refuse(block, "widths that a shortcut leads to: a divisor of " + std::to_string(from),
                std::to_string(to));
}

/// Values that become one, or that one becomes, where a level ends.
std::int64_t merged(bool space, bool time) {
  const std::int64_t pixels = space ? 4 : 1;
  return time ? 2 * pixels : pixels;
}

void read_residual(const ComponentReader& reader, WanVaeDims& d) {
  d.decoder_base_dim = quotient(reader, "decoder.norm_out.gamma", reader.size("decoder.norm_out.gamma", 4, 0),
                                d.dim_mult.front());
  const std::int64_t channels = reader.size("encoder.conv_in.weight", 5, 1);
  while (d.patch_channels() < channels) ++d.patch_size;
  if (d.patch_channels() != channels) {
    reader.refuse("encoder.conv_in.weight", "3, 12, 27, ... channels: those of square patches of pixels",
                  std::to_string(channels));
  }
  for (std::int64_t i = 0; i < d.levels(); ++i) {
    check_shortcut(reader, "encoder.down_blocks." + std::to_string(i),
                   d.down_input(i) * merged(d.has_downsampler(i), d.downsamples_time(i)), d.down_width(i));
    if (d.has_upsampler(i)) {
      check_shortcut(reader, "decoder.up_blocks." + std::to_string(i),
                     d.up_width(i) * merged(true, d.upsamples_time(i)), d.up_input(i));
    }
  }
}

void read_statistics(const ComponentReader& reader, WanVaeDims& d) {
  const auto channels = static_cast<std::size_t>(d.z_dim);
  const auto mean = reader.numbers("latents_mean", channels);
  const auto deviation = reader.numbers("latents_std", channels);
  const nlohmann::json published = registry::component_config(
      registry::built_in_layout(architecture_of(d), "diffusers"), {{"z_dim", d.z_dim}});
  if ((!mean || !deviation) && !published.contains("latents_mean")) {
    reader.refuse("post_quant_conv.weight",
                  "latents_mean and latents_std of " + std::to_string(channels) + " channels in config.json",
                  "none; only those of the published number of channels are known");
  }
  d.latents_mean = mean ? *mean : published.at("latents_mean").get<std::vector<double>>();
  d.latents_std = deviation ? *deviation : published.at("latents_std").get<std::vector<double>>();
  if (std::any_of(d.latents_std.begin(), d.latents_std.end(), [](double value) { return value <= 0; })) {
    reader.refuse("post_quant_conv.weight", "latents_std above 0 in config.json", "a value that is not");
  }
}

void check_config(const ComponentReader& reader, const WanVaeDims& d) {
  reader.agrees("base_dim", d.base_dim);
  reader.agrees("decoder_base_dim", d.decoder_base_dim);
  reader.agrees("z_dim", d.z_dim);
  reader.agrees("dim_mult", d.dim_mult);
  reader.agrees("num_res_blocks", d.num_res_blocks);
  reader.agrees("temperal_downsample", d.temporal_downsample);
  reader.agrees("scale_factor_spatial", d.spatial_scale());
  reader.agrees("scale_factor_temporal", d.temporal_scale());
  reader.agrees("is_residual", d.is_residual);
  reader.agrees("in_channels", d.patch_channels());
  reader.agrees("out_channels", d.patch_channels());
  reader.agrees("patch_size", d.patch_size);
  reader.only("attn_scales", nlohmann::json::array());
}

}  // namespace

std::int64_t WanVaeDims::up_width(std::int64_t i) const {
  return decoder_base_dim * dim_mult[levels() - 1 - i];
}

std::int64_t WanVaeDims::up_input(std::int64_t i) const { return i == 0 ? up_width(0) : up_output(i - 1); }

std::int64_t WanVaeDims::temporal_scale() const {
  return std::int64_t{1} << std::count(temporal_downsample.begin(), temporal_downsample.end(), true);
}

nlohmann::json to_json(const WanVaeDims& d) {
  nlohmann::json json{{"base_dim", d.base_dim},
                      {"z_dim", d.z_dim},
                      {"dim_mult", d.dim_mult},
                      {"num_res_blocks", d.num_res_blocks},
                      {"temporal_downsample", d.temporal_downsample},
                      {"latents_mean", d.latents_mean},
                      {"latents_std", d.latents_std},
                      {"spatial_scale", d.spatial_scale()},
                      {"temporal_scale", d.temporal_scale()}};
  // Dumps of 2.1's stay as they were before there was another.
  if (d.is_residual) {
    json["is_residual"] = true;
    json["decoder_base_dim"] = d.decoder_base_dim;
    json["patch_size"] = d.patch_size;
  }
  return json;
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
  d.is_residual = json.value("is_residual", false);
  d.decoder_base_dim = json.value("decoder_base_dim", d.base_dim);
  d.patch_size = json.value("patch_size", std::int64_t{1});
  return d;
}

Shapes wan_vae_shapes(const WanVaeDims& dims) {
  Shapes shapes;
  add_wan_encoder_shapes(shapes, dims);
  add_wan_decoder_shapes(shapes, dims);
  return shapes;
}

nlohmann::json bind_wan_vae(const registry::Component& component) {
  WanVaeDims d;
  d.is_residual = is_residual(component.shapes());
  const ComponentReader reader(component, "bind the VAE's weights",
                               d.is_residual ? "a Wan 2.2 VAE" : "a Wan 2.1 VAE");
  reader.agrees("is_residual", d.is_residual);
  solve_sizes<WanVaeDims>(reader, registry::built_in_architecture(architecture_of(d)), vae_sizes, d);
  read_widths(reader, d);
  if (d.is_residual) {
    read_residual(reader, d);
  } else {
    d.decoder_base_dim = d.base_dim;
  }
  read_statistics(reader, d);
  check_config(reader, d);
  reader.account(wan_vae_shapes(d));
  return to_json(d);
}

bool vae_needs(std::string_view tensor) noexcept {
  return !tensor.starts_with("encoder.") && !tensor.starts_with("quant_conv.");
}

}  // namespace ditmill::models
