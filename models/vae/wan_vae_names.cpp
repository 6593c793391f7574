#include "models/vae/wan_vae_names.h"

#include <initializer_list>

namespace ditmill::models {
namespace {

/// Names and shapes of the VAE's parts, written into one table.
class Table {
 public:
  explicit Table(Shapes& shapes) : shapes_(shapes) {}

  void tensor(const std::string& name, std::initializer_list<std::int64_t> sizes) {
    std::vector<std::uint64_t>& shape = shapes_[name];
    for (const std::int64_t size : sizes) shape.push_back(static_cast<std::uint64_t>(size));
  }
  void conv3d(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t time,
              std::int64_t edge) {
    tensor(name + ".weight", {out, in, time, edge, edge});
    tensor(name + ".bias", {out});
  }
  void conv2d(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t edge) {
    tensor(name + ".weight", {out, in, edge, edge});
    tensor(name + ".bias", {out});
  }
  void residual(const std::string& name, std::int64_t in, std::int64_t out) {
    tensor(name + ".norm1.gamma", {in, 1, 1, 1});
    conv3d(name + ".conv1", in, out, 3, 3);
    tensor(name + ".norm2.gamma", {out, 1, 1, 1});
    conv3d(name + ".conv2", out, out, 3, 3);
    if (in != out) conv3d(name + ".conv_shortcut", in, out, 1, 1);
  }
  void middle(const std::string& name, std::int64_t width) {
    residual(name + ".resnets.0", width, width);
    tensor(name + ".attentions.0.norm.gamma", {width, 1, 1});
    conv2d(name + ".attentions.0.to_qkv", width, 3 * width, 1);
    conv2d(name + ".attentions.0.proj", width, width, 1);
    residual(name + ".resnets.1", width, width);
  }
  void head(const std::string& name, std::int64_t in, std::int64_t out) {
    tensor(name + ".norm_out.gamma", {in, 1, 1, 1});
    conv3d(name + ".conv_out", in, out, 3, 3);
  }

 private:
  Shapes& shapes_;
};

std::string at(const std::string& name, std::int64_t index) { return name + "." + std::to_string(index); }

}  // namespace

void add_wan_decoder_shapes(Shapes& shapes, const WanVaeDims& d) {
  Table table(shapes);
  table.conv3d("post_quant_conv", d.z_dim, d.z_dim, 1, 1);
  table.conv3d("decoder.conv_in", d.z_dim, d.up_width(0), 3, 3);
  table.middle("decoder.mid_block", d.up_width(0));
  for (std::int64_t i = 0; i < d.levels(); ++i) {
    const std::string block = at("decoder.up_blocks", i);
    const std::int64_t width = d.up_width(i);
    for (std::int64_t j = 0; j <= d.num_res_blocks; ++j) {
      table.residual(at(block + ".resnets", j), j == 0 ? d.up_input(i) : width, width);
    }
    const std::string upsampler = block + (d.is_residual ? ".upsampler" : ".upsamplers.0");
    if (d.has_upsampler(i)) table.conv2d(upsampler + ".resample.1", width, d.up_output(i), 3);
    if (d.upsamples_time(i)) table.conv3d(upsampler + ".time_conv", width, 2 * width, 3, 1);
  }
  table.head("decoder", d.up_width(d.levels() - 1), d.patch_channels());
}

void add_wan_encoder_shapes(Shapes& shapes, const WanVaeDims& d) {
  Table table(shapes);
  table.conv3d("quant_conv", 2 * d.z_dim, 2 * d.z_dim, 1, 1);
  table.conv3d("encoder.conv_in", d.patch_channels(), d.base_dim, 3, 3);
  std::int64_t index = 0;
  for (std::int64_t level = 0; level < d.levels(); ++level) {
    const std::string nested = at("encoder.down_blocks", level);
    const std::int64_t width = d.down_width(level);
    for (std::int64_t j = 0; j < d.num_res_blocks; ++j) {
      table.residual(d.is_residual ? at(nested + ".resnets", j) : at("encoder.down_blocks", index++),
                     j == 0 ? d.down_input(level) : width, width);
    }
    if (!d.has_downsampler(level)) break;
    const std::string down = d.is_residual ? nested + ".downsampler" : at("encoder.down_blocks", index++);
    table.conv2d(down + ".resample.1", width, width, 3);
    if (d.downsamples_time(level)) table.conv3d(down + ".time_conv", width, width, 3, 1);
  }
  const std::int64_t width = d.down_width(d.levels() - 1);
  table.middle("encoder.mid_block", width);
  table.head("encoder", width, 2 * d.z_dim);
}

}  // namespace ditmill::models
