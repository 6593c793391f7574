// Prints what the readers say of the headers of files, a line of JSON each, for tests in Python: safetensors
// by the suffix, else files of torch.save. Counts every allocation, so it is a program of its own.
#include <iostream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "registry/formats/safetensors.h"
#include "registry/formats/torch/pth.h"
#include "tests/support/allocation_peak.h"

namespace ditmill::registry {
namespace {

nlohmann::json described(const std::vector<TensorInfo>& tensors) {
  nlohmann::json list = nlohmann::json::array();
  for (const TensorInfo& tensor : tensors) {
    list.push_back({{"name", tensor.name},
                    {"dtype", name(tensor.type)},
                    {"shape", tensor.shape},
                    {"strides", tensor.strides},
                    {"begin", tensor.begin},
                    {"end", tensor.end}});
  }
  return list;
}

nlohmann::json probe(const std::string& path) {
  const std::unique_ptr<ByteSource> source = open_file(path);
  const tests::AllocationPeak peak;
  try {
    if (path.ends_with(".safetensors")) {
      const SafetensorsHeader header = read_safetensors_header(*source);
      const std::size_t taken = peak.bytes();
      return {{"tensors", described(header.tensors)}, {"header_bytes", header.header_bytes}, {"peak", taken}};
    }
    const PthHeader header = read_pth_header(*source);
    const std::size_t taken = peak.bytes();
    return {{"tensors", described(header.tensors)},
            {"others", header.others},
            {"key_hash", header.key_hash},
            {"key_hash_names", header.key_hash_names},
            {"nested", header.nested},
            {"header_bytes", header.header_bytes},
            {"peak", taken}};
  } catch (const Error& error) {
    const std::size_t taken = peak.bytes();
    return {{"error", error.what()}, {"category", ditmill::name(error.category())}, {"peak", taken}};
  }
}

}  // namespace
}  // namespace ditmill::registry

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) std::cout << ditmill::registry::probe(argv[i]).dump() << std::endl;
  return 0;
}
