#include "models/wan/names.h"

#include <algorithm>
#include <array>

namespace ditmill::models::wan {
namespace {

constexpr std::array<std::string_view, 6> islands{"rope",  "time_embedder", "scale_shift_table",
                                                  "norm1", "norm2",         "norm3"};

std::uint64_t size(std::int64_t value) { return static_cast<std::uint64_t>(value); }

void add_linear(Shapes& shapes, const std::string& scope, std::int64_t in, std::int64_t out) {
  shapes[scope + ".weight"] = {size(out), size(in)};
  shapes[scope + ".bias"] = {size(out)};
}

void add_attention(Shapes& shapes, const std::string& scope, std::int64_t dim) {
  for (const char* projection : {"to_q", "to_k", "to_v", "to_out.0"}) {
    add_linear(shapes, scope + "." + projection, dim, dim);
  }
  shapes[scope + ".norm_q.weight"] = {size(dim)};
  shapes[scope + ".norm_k.weight"] = {size(dim)};
}

}  // namespace

Shapes dit_shapes(const Dims& d) {
  Shapes shapes;
  shapes["patch_embedding.weight"] = {size(d.dim), size(d.in_channels), 1, size(patch_edge),
                                      size(patch_edge)};
  shapes["patch_embedding.bias"] = {size(d.dim)};
  const std::string embedder = "condition_embedder.";
  add_linear(shapes, embedder + "time_embedder.linear_1", d.freq_dim, d.dim);
  add_linear(shapes, embedder + "time_embedder.linear_2", d.dim, d.dim);
  add_linear(shapes, embedder + "time_proj", d.dim, 6 * d.dim);
  add_linear(shapes, embedder + "text_embedder.linear_1", d.text_dim, d.dim);
  add_linear(shapes, embedder + "text_embedder.linear_2", d.dim, d.dim);
  for (std::int64_t layer = 0; layer < d.layers; ++layer) {
    const std::string block = "blocks." + std::to_string(layer) + ".";
    add_attention(shapes, block + "attn1", d.dim);
    add_attention(shapes, block + "attn2", d.dim);
    shapes[block + "norm2.weight"] = {size(d.dim)};
    shapes[block + "norm2.bias"] = {size(d.dim)};
    add_linear(shapes, block + "ffn.net.0.proj", d.dim, d.ffn_dim);
    add_linear(shapes, block + "ffn.net.2", d.ffn_dim, d.dim);
    shapes[block + "scale_shift_table"] = {1, 6, size(d.dim)};
  }
  add_linear(shapes, "proj_out", d.dim, d.out_channels * patch_edge * patch_edge);
  shapes["scale_shift_table"] = {1, 2, size(d.dim)};
  return shapes;
}

bool is_float32_island(std::string_view tensor) {
  while (!tensor.empty()) {
    const std::size_t dot = tensor.find('.');
    if (std::ranges::find(islands, tensor.substr(0, dot)) != islands.end()) return true;
    if (dot == std::string_view::npos) return false;
    tensor.remove_prefix(dot + 1);
  }
  return false;
}

}  // namespace ditmill::models::wan
