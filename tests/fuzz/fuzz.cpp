#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <tuple>

#include "configs/error.h"
#include "configs/utf8.h"
#include "tests/support/allocation_peak.h"

namespace ditmill::fuzz {
namespace {

/// Bytes from the first element to behind the last, of what the reader says.
std::uint64_t extent(const registry::TensorInfo& tensor) {
  const std::uint64_t elements = tensor.elements();
  if (elements == 0) return 0;
  std::uint64_t span = elements;
  if (!tensor.strides.empty()) {
    span = 1;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) span += (tensor.shape[i] - 1) * tensor.strides[i];
  }
  const std::uint64_t bits = span * static_cast<std::uint64_t>(registry::bits(tensor.type));
  require(bits % 8 == 0, "tensors of whole bytes");
  return bits / 8;
}

bool is_name(std::string_view name) {
  if (name.empty() || utf8::find_invalid(name) != std::string_view::npos) return false;
  return std::ranges::none_of(name, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

}  // namespace

void require(bool kept, std::string_view promise) {
  if (kept) return;
  std::cerr << "a broken promise: " << promise << std::endl;
  std::abort();
}

void run(std::span<const std::byte> bytes, std::size_t spare, const std::function<void()>& read) {
  const tests::AllocationPeak peak;
  try {
    read();
  } catch (const Error& error) {
    require(error.category() == Category::bad_input, "refusals are of category bad_input");
    require(error.where().offset.value_or(0) <= bytes.size(), "offsets lie within the file");
    require(std::string_view{error.what()}.size() < 2000, "messages are short");
    require(!error.expected().empty() && !error.got().empty(), "messages say what was expected and found");
  }
  require(peak.bytes() <= 8 * bytes.size() + spare, "memory of at most 8 times the bytes");
}

void require_sound(std::span<const registry::TensorInfo> tensors, std::uint64_t size) {
  std::set<std::string_view> names;
  const registry::TensorInfo* before = nullptr;
  for (const registry::TensorInfo& tensor : tensors) {
    require(is_name(tensor.name), "names are text without control characters");
    require(names.insert(tensor.name).second, "every name once");
    require(tensor.begin <= tensor.end && tensor.end <= size, "ranges lie within the file");
    require(tensor.strides.empty() || tensor.strides.size() == tensor.shape.size(),
            "a stride for each dimension");
    require(tensor.end - tensor.begin == extent(tensor), "ranges fit type, shape and strides");
    require(before == nullptr || std::tie(before->begin, before->end, before->name) <
                                     std::tie(tensor.begin, tensor.end, tensor.name),
            "tensors are in the order of their places");
    before = &tensor;
  }
}

}  // namespace ditmill::fuzz
