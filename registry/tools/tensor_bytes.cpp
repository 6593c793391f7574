#include "registry/tools/tensor_bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "configs/error.h"
#include "registry/tools/element_values.h"

namespace ditmill::registry {
namespace {

constexpr std::size_t piece_size = std::size_t{4} << 20;

void read_contiguous(const ByteSource& source, const TensorInfo& tensor,
                     const std::function<void(std::span<const std::byte>)>& take) {
  std::vector<std::byte> piece(std::min<std::uint64_t>(piece_size, tensor.end - tensor.begin));
  for (std::uint64_t at = tensor.begin; at < tensor.end;) {
    const std::span<std::byte> now =
        std::span{piece}.first(std::min<std::uint64_t>(piece.size(), tensor.end - at));
    source.read_at(at, now);
    take(now);
    at += now.size();
  }
}

/// Steps through all indices of a shape, the last dimension fastest, and knows the offset of each.
class Indices {
 public:
  explicit Indices(const TensorInfo& tensor) : tensor_(tensor), index_(tensor.shape.size()) {}

  std::uint64_t offset() const noexcept { return offset_; }

  void next() noexcept {
    for (std::size_t i = index_.size(); i-- > 0;) {
      offset_ += tensor_.strides[i];
      if (++index_[i] < tensor_.shape[i]) return;
      offset_ -= tensor_.shape[i] * tensor_.strides[i];
      index_[i] = 0;
    }
  }

 private:
  const TensorInfo& tensor_;
  std::vector<std::uint64_t> index_;
  std::uint64_t offset_ = 0;
};

void read_strided(const ByteSource& source, const TensorInfo& tensor,
                  const std::function<void(std::span<const std::byte>)>& take) {
  const std::uint64_t element = static_cast<std::uint64_t>(bits(tensor.type)) / 8;
  const std::uint64_t count = tensor.elements();
  // Elements that repeat could fill any disk from a small file.
  if (count > (tensor.end - tensor.begin) / element) {
    throw Error{Category::unsupported,
                "read a tensor",
                Where{.file = source.label(), .offset = tensor.begin, .tensor = printable(tensor.name)},
                Expected{"a tensor whose elements are in the file"},
                Got{"one that repeats them"},
                "save a copy of it, made by .clone()"};
  }
  std::vector<std::byte> all(tensor.end - tensor.begin);
  source.read_at(tensor.begin, all);
  std::vector<std::byte> piece(std::min<std::uint64_t>(piece_size / element, count) * element);
  Indices indices{tensor};
  std::size_t filled = 0;
  for (std::uint64_t i = 0; i < count; ++i, indices.next()) {
    std::memcpy(piece.data() + filled, all.data() + indices.offset() * element, element);
    filled += element;
    if (filled < piece.size() && i + 1 < count) continue;
    take(std::span{piece}.first(filled));
    filled = 0;
  }
}

std::uint16_t to_bfloat16(float value) {
  constexpr std::uint32_t below = 0x7fff;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + below + (bits >> 16 & 1)) >> 16);
}

std::uint16_t to_float16(float value) { return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value)); }

template <typename Stored, typename Encode>
void encode_each(std::span<const double> values, std::span<std::byte> out, const Encode& encode) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Stored stored = encode(static_cast<float>(values[i]));
    std::memcpy(out.data() + i * sizeof stored, &stored, sizeof stored);
  }
}

}  // namespace

void read_tensor(const ByteSource& source, const TensorInfo& tensor,
                 const std::function<void(std::span<const std::byte>)>& take) {
  if (tensor.strides.empty()) {
    read_contiguous(source, tensor, take);
  } else {
    read_strided(source, tensor, take);
  }
}

bool is_castable(ElementType type) noexcept { return is_cast_target(type) || type == ElementType::f64; }

bool is_cast_target(ElementType type) noexcept {
  return type == ElementType::bf16 || type == ElementType::f16 || type == ElementType::f32;
}

std::vector<std::byte> cast_elements(ElementType from, ElementType to, std::span<const std::byte> bytes) {
  std::vector<double> values(bytes.size() * 8 / static_cast<std::size_t>(bits(from)));
  decode_values(from, bytes, std::span{values});
  std::vector<std::byte> out(values.size() * static_cast<std::size_t>(bits(to)) / 8);
  if (to == ElementType::f32) {
    encode_each<float>(values, out, [](float value) { return value; });
  } else if (to == ElementType::bf16) {
    encode_each<std::uint16_t>(values, out, to_bfloat16);
  } else {
    encode_each<std::uint16_t>(values, out, to_float16);
  }
  return out;
}

}  // namespace ditmill::registry
