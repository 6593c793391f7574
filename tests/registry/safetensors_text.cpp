#include "tests/registry/safetensors_text.h"

#include <filesystem>
#include <fstream>

namespace ditmill::tests {
namespace {

std::string header_of(const Shapes& shapes, std::uint64_t& data_bytes) {
  std::string json = "{";
  data_bytes = 0;
  for (const auto& [name, shape] : shapes) {
    std::uint64_t elements = 1;
    std::string dimensions;
    for (const std::uint64_t size : shape) {
      elements *= size;
      dimensions += (dimensions.empty() ? "" : ",") + std::to_string(size);
    }
    json += (json.size() > 1 ? ",\"" : "\"") + name + "\":{\"dtype\":\"F8_E4M3\",\"shape\":[" + dimensions +
            "],\"data_offsets\":[" + std::to_string(data_bytes) + "," +
            std::to_string(data_bytes + elements) + "]}";
    data_bytes += elements;
  }
  return json + "}";
}

}  // namespace

std::string safetensors_frame(std::uint64_t length, std::string_view rest) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
  return bytes.append(rest);
}

std::string safetensors_file(std::string_view json, std::size_t data_bytes) {
  return safetensors_frame(json.size(), json) + std::string(data_bytes, '\0');
}

std::string safetensors_of(const Shapes& shapes) {
  std::uint64_t data_bytes = 0;
  const std::string json = header_of(shapes, data_bytes);
  return safetensors_file(json, data_bytes);
}

void write_sparse_safetensors(const std::string& path, const Shapes& shapes) {
  std::uint64_t data_bytes = 0;
  const std::string json = header_of(shapes, data_bytes);
  std::ofstream{path, std::ios::binary} << safetensors_file(json, 0);
  std::filesystem::resize_file(path, 8 + json.size() + data_bytes);
}

}  // namespace ditmill::tests
