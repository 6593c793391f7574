#include "jobs/bench/tensor_file.h"

#include <ATen/ATen.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace ditmill::jobs::bench {

void write_safetensors(const std::string& path, const dist::TensorMap& tensors) {
  nlohmann::json header;
  std::size_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t begin = end;
    end += tensor.nbytes();
    header[name] = {{"dtype", tensor.scalar_type() == at::kFloat ? "F32" : "BF16"},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begin, end}}};
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor dense = tensor.cpu().contiguous();
    file.write(static_cast<const char*>(dense.const_data_ptr()),
               static_cast<std::streamsize>(dense.nbytes()));
  }
  file.flush();
  if (!file) throw system_error(errno, "write tensors", Where{.file = path});
}

}  // namespace ditmill::jobs::bench
