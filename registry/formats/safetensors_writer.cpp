#include "registry/formats/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

namespace ditmill::registry {
namespace {

constexpr std::size_t length_bytes = 8;
/// Where the data begin: tensors of usual sizes can be used where they lie in a mapped file.
constexpr std::size_t data_alignment = 64;

class FileSink final : public TensorSink {
 public:
  explicit FileSink(NewFile& file) : file_(file) {}
  void put(std::span<const std::byte> bytes) override { file_.write(bytes); }
  void zeros(std::uint64_t bytes) override { file_.skip(bytes); }

 private:
  NewFile& file_;
};

std::vector<std::size_t> widest_first(std::span<const NewTensor> tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return bits(tensors[i].type); });
  return order;
}

}  // namespace

void write_safetensors(const std::string& path, std::span<const NewTensor> tensors,
                       SafetensorsMetadata metadata, const TensorBytes& give) {
  const std::vector<std::size_t> order = widest_first(tensors);
  metadata["format"] = "pt";
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const std::size_t i : order) {
    const std::uint64_t end = at + bytes_of(tensors[i]);
    header[tensors[i].name] = {
        {"dtype", name(tensors[i].type)}, {"shape", tensors[i].shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  const std::size_t whole =
      (length_bytes + text.size() + data_alignment - 1) / data_alignment * data_alignment;
  text.resize(whole - length_bytes, ' ');
  std::array<char, length_bytes> length{};
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(text.size() >> (8 * i));

  NewFile file{path};
  file.write(std::string_view{length.data(), length.size()});
  file.write(text);
  FileSink sink{file};
  for (const std::size_t i : order) fill(tensors[i], i, give, sink, file);
  file.publish();
}

}  // namespace ditmill::registry
