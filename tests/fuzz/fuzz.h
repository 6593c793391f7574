#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "registry/tensor_info.h"

namespace ditmill::fuzz {

/// Ends the program, with words, where a promise of a reader is broken: the fuzzer keeps the input.
void require(bool kept, std::string_view promise);

/// Reads some bytes. An Error may come of it, of category bad_input and with an offset within the file; nothing else. It takes at most 8
/// times the bytes and `spare` of memory.
void run(std::span<const std::byte> bytes, std::size_t spare, const std::function<void()>& read);

/// What holds of the tensors of any header: names are text, each once; ranges lie within `size`, are as long as type,
/// shape and strides say, and are in order.
void require_sound(std::span<const registry::TensorInfo> tensors, std::uint64_t size);

/// The bytes that libFuzzer hands over.
inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span{data, size});
}

}  // namespace ditmill::fuzz

/// A target's entry: libFuzzer calls it in the build with clang, replay.cpp in the others.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
