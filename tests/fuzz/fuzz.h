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

/// Reads some bytes. An Error may come of it, of category bad_input and with an offset within the file;
/// nothing else. It takes at most 8 times the bytes and `spare` of memory.
void run(std::span<const std::byte> bytes, std::size_t spare, const std::function<void()>& read);

/// What holds of the tensors of any header: names are text, each once; ranges lie within `size`, are as long
/// as type, shape and strides say, and are in order.
void require_sound(std::span<const registry::TensorInfo> tensors, std::uint64_t size);

/// A target: reads one input, and aborts where a promise is broken. Each target is a file that defines it.
void one_input(std::span<const std::byte> bytes);

}  // namespace ditmill::fuzz
