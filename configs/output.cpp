#include "configs/output.h"

#include <algorithm>

namespace ditmill::configs {

std::size_t bytes_of(OutputType type) noexcept { return type == OutputType::uint8 ? 1 : sizeof(float); }

std::size_t Output::chunk_axis() const noexcept {
  return static_cast<std::size_t>(std::ranges::find(axes, chunk) - axes.begin());
}

std::span<const Output> common_outputs() {
  static const std::vector<Output> outputs{
      {.name = "frames",
       .type = OutputType::uint8,
       .axes = {"frames", "height", "width", "colours"},
       .chunk = "frames",
       .says = "the clip, pixel by pixel"},
      {.name = "latents",
       .type = OutputType::float32,
       .axes = {"channels", "latent frames", "height", "width"},
       .chunk = "latent frames",
       .says = "what the frames are decoded from"},
      {.name = "video", .type = OutputType::uint8, .axes = {"bytes"}, .says = "the clip as a video file"}};
  return outputs;
}

const Output* output_named(std::span<const Output> outputs, std::string_view name) noexcept {
  const auto found = std::ranges::find(outputs, name, &Output::name);
  return found == outputs.end() ? nullptr : &*found;
}

}  // namespace ditmill::configs
