#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ditmill::tests {

/// A safetensors file: the length of `json`, `json`, and so many zero bytes of data.
std::string safetensors_file(std::string_view json, std::size_t data_bytes);
/// A safetensors file whose header says `length`, whatever follows.
std::string safetensors_frame(std::uint64_t length, std::string_view rest);

using Shapes = std::vector<std::pair<std::string, std::vector<std::uint64_t>>>;

/// A well-formed file with an F8_E4M3 tensor for each shape: a byte an element.
std::string safetensors_of(const Shapes& shapes);
/// The same header for the same tensors, with data that are a hole: files of any size take no space.
void write_sparse_safetensors(const std::string& path, const Shapes& shapes);

}  // namespace ditmill::tests
