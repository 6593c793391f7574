#include "registry/identity/diffusers/all_zero.h"

#include <algorithm>
#include <vector>

#include "registry/tools/element_values.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t most_bytes_read = std::uint64_t{256} << 20;
constexpr std::uint64_t zero_window_bytes = std::uint64_t{1} << 20;

}  // namespace

std::optional<bool> is_all_zero(const TensorInfo& tensor, const ByteSource& source) {
  const int values = values_in(tensor.type);
  const std::uint64_t size = tensor.end - tensor.begin;
  if (values == 0 || size > most_bytes_read) return std::nullopt;
  const auto element = static_cast<std::uint64_t>(bits(tensor.type)) / 8;
  std::vector<std::byte> bytes;
  std::vector<double> window;
  for (std::uint64_t at = 0; at < size; at += bytes.size()) {
    bytes.resize(std::min(zero_window_bytes, size - at));
    window.resize(bytes.size() / element * static_cast<std::uint64_t>(values));
    source.read_at(tensor.begin + at, bytes);
    decode_values(tensor.type, bytes, window);
    const bool zero = std::ranges::all_of(window, [](double value) { return value == 0; });
    // Between the elements of a view are others, which do not count.
    if (!zero) return tensor.strides.empty() ? std::optional{false} : std::nullopt;
  }
  return true;
}

}  // namespace ditmill::registry
