#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::registry {

/// Element types of weight files: the 22 of the safetensors format.
enum class ElementType {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64,
  f4,
  f6_e2m3,
  f6_e3m2,
};

/// Its name in a safetensors header ("BF16").
std::string_view name(ElementType type) noexcept;
std::optional<ElementType> element_type_named(std::string_view name) noexcept;
/// Bits of one element; F4 and F6 are narrower than a byte.
int bits(ElementType type) noexcept;

/// A tensor as a header describes it: nothing of its data has been read.
struct TensorInfo {
  std::string name;
  ElementType type{};
  /// Bytes of the name that are keys, each with its dot, of the dictionaries around the tensor's own: only
  /// files of torch.save nest them.
  std::uint32_t outer_bytes = 0;
  std::vector<std::uint64_t> shape;         ///< empty: a scalar
  std::uint64_t begin = 0;                  ///< bytes from the start of the file: its first element
  std::uint64_t end = 0;                    ///< behind its last element in memory order
  std::vector<std::uint64_t> strides = {};  ///< elements, one a dimension; empty: contiguous, row-major

  std::uint64_t elements() const noexcept;  ///< the reader has checked that the product does not wrap
};

/// `[5, 1536]`, for messages: at most eight dimensions are shown.
std::string shape_text(std::span<const std::uint64_t> shape);

}  // namespace ditmill::registry
