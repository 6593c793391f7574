#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/choice.h"

namespace ditmill::configs {

/// What an output's values are.
enum class OutputType { uint8, float32 };
inline constexpr std::array<Choice<OutputType>, 2> output_types{
    {{"uint8", OutputType::uint8}, {"float32", OutputType::float32}}};
std::size_t bytes_of(OutputType type) noexcept;

/// What may be kept of an item, a dataset of its name; declared once: manifests (`output.NAME`), the store,
/// its hash, comparison, show and export walk these declarations.
struct Output {
  std::string name;
  OutputType type = OutputType::uint8;
  std::vector<std::string> axes = {};  ///< what each dimension counts; its size is the tensor's
  std::string chunk = {};              ///< the axis that is stored in chunks of one; empty: by size
  std::string says = {};               ///< a line for people

  bool operator==(const Output&) const = default;
  /// The place of `chunk` among the axes; their count if there is none.
  std::size_t chunk_axis() const noexcept;
};

/// What all models give: frames [T, H, W, 3], the latents [C, T, H, W] that they come from, and a video, made
/// of frames. In the order of an item's content hash.
std::span<const Output> common_outputs();

/// The output of that name among some; nullptr if there is none.
const Output* output_named(std::span<const Output> outputs, std::string_view name) noexcept;

}  // namespace ditmill::configs
