#include "registry/tools/synth_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "registry/tools/tensor_bytes.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t elements_at_once = std::uint64_t{1} << 16;

/// The finaliser of SplitMix64: each bit of the result depends on every bit.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::uint64_t stream_of(std::string_view name, std::uint64_t seed) {
  std::uint64_t key = mixed(seed + 0x9e3779b97f4a7c15U);
  for (const char c : name) key = mixed(key ^ static_cast<unsigned char>(c)) + 0x9e3779b97f4a7c15U;
  return key;
}

/// Four uniform numbers, added: of mean 0 and deviation 1, and normal for the eye.
float normal(std::uint64_t stream, std::uint64_t index) {
  const std::uint64_t bits = mixed(stream + index * 0x9e3779b97f4a7c15U);
  constexpr std::uint64_t quarter = 0xffff;
  const auto sum = static_cast<std::int64_t>((bits & quarter) + (bits >> 16 & quarter) +
                                             (bits >> 32 & quarter) + (bits >> 48));
  constexpr std::int64_t middle = 2 * 0xffff;
  constexpr float deviation = 37837.2F;  // 65536 / sqrt(3)
  return static_cast<float>(sum - middle) / deviation;
}

struct Spread {
  float mean = 0;
  float deviation = 1;
};

/// What some layers need beside the general rule, by the end of their names.
struct Exception {
  std::string_view part;
  float factor;
};
constexpr std::array<Exception, 3> exceptions{{
    {"condition_embedder.time_proj.weight", 0.5F},  // six rows of it are added to tables
    {"SelfAttention.q.weight", 0.25F},              // T5 does not scale its scores
    {"decoder.conv_out.weight", 0.5F},              // pictures are mostly inside their range
}};

Spread spread_of(std::string_view layer, std::span<const std::uint64_t> shape) {
  while (shape.size() > 1 && shape.front() == 1) shape = shape.subspan(1);
  constexpr float table = 0.3F;
  constexpr float little = 0.2F;
  if (layer.ends_with("scale_shift_table")) return {.deviation = table};
  if (layer.ends_with("bias")) return {.deviation = little};
  if (shape.size() < 2 || layer.ends_with("gamma")) return {.mean = 1, .deviation = little};
  if (layer.find("relative_attention_bias") != std::string_view::npos) return {.deviation = 0.5F};
  if (layer.ends_with("shared.weight") || layer.ends_with("embed_tokens.weight")) return {};
  std::uint64_t fan_in = 1;
  for (const std::uint64_t size : shape.subspan(1)) fan_in *= size;
  Spread spread{.deviation = 1.0F / std::sqrt(static_cast<float>(fan_in))};
  for (const auto& [part, factor] : exceptions) {
    if (layer.ends_with(part)) spread.deviation *= factor;
  }
  return spread;
}

}  // namespace

void give_random(const NewTensor& tensor, std::string_view layer, std::uint64_t seed, TensorSink& sink) {
  const std::uint64_t stream = stream_of(layer, seed);
  const Spread spread = spread_of(layer, tensor.shape);
  if (!is_cast_target(tensor.type)) {
    // Eight-bit floats: a sign, exponents of one size and all fractions.
    constexpr unsigned char drawn = 0x87;
    constexpr unsigned char fixed = 0x28;
    std::vector<std::byte> bytes(std::min(bytes_of(tensor), elements_at_once));
    for (std::uint64_t at = 0; at < bytes_of(tensor); at += bytes.size()) {
      bytes.resize(std::min<std::uint64_t>(bytes.size(), bytes_of(tensor) - at));
      for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>((mixed(stream + at + i) & drawn) | fixed);
      sink.put(bytes);
    }
    return;
  }
  std::uint64_t elements = 1;
  for (const std::uint64_t size : tensor.shape) elements *= size;
  std::vector<float> values(std::min(elements, elements_at_once));
  for (std::uint64_t at = 0; at < elements; at += values.size()) {
    values.resize(std::min<std::uint64_t>(values.size(), elements - at));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::fma(spread.deviation, normal(stream, at + i), spread.mean);
    const std::span<const std::byte> bytes = std::as_bytes(std::span{values});
    if (tensor.type == ElementType::f32) {
      sink.put(bytes);
    } else {
      sink.put(cast_elements(ElementType::f32, tensor.type, bytes));
    }
  }
}

}  // namespace ditmill::registry
