#include "registry/tools/convert_files.h"

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "configs/error.h"
#include "registry/formats/new_tensor.h"
#include "registry/formats/safetensors_writer.h"
#include "registry/formats/torch/pth_writer.h"
#include "registry/tools/tensor_bytes.h"

namespace ditmill::registry {
namespace {

constexpr std::string_view pth_suffix = ".pth";
constexpr std::string_view safetensors_suffix = ".safetensors";

ElementType type_written(ElementType type, std::optional<ElementType> dtype) {
  return dtype && is_castable(type) ? *dtype : type;
}

std::vector<NewTensor> new_tensors(std::span<const PlannedTensor> planned, std::optional<ElementType> dtype) {
  std::vector<NewTensor> tensors;
  for (const PlannedTensor& each : planned)
    tensors.push_back({each.name, type_written(each.tensor->type, dtype), each.shape});
  return tensors;
}

/// Gives planned tensors their bytes; a file stays open from its first tensor on.
class Bytes {
 public:
  explicit Bytes(std::span<const PlannedTensor> planned, std::span<const NewTensor> tensors)
      : planned_(planned), tensors_(tensors) {}

  void operator()(std::size_t index, TensorSink& sink) {
    const PlannedTensor& planned = planned_[index];
    const std::uint64_t bytes =
        planned.tensor->elements() * static_cast<std::uint64_t>(bits(planned.tensor->type)) / 8;
    give({planned.file, planned.tensor}, index, bytes / planned.parts * planned.part, bytes / planned.parts,
         sink);
    for (const FileTensor& more : planned.more) give(more, index, 0, bytes, sink);
  }

 private:
  /// So many bytes of a tensor, from `first` on.
  void give(const FileTensor& from, std::size_t index, std::uint64_t first, std::uint64_t count,
            TensorSink& sink) {
    const ElementType to = tensors_[index].type;
    std::uint64_t at = 0;
    read_tensor(source_of(from.file->path), *from.tensor, [&](std::span<const std::byte> piece) {
      const std::uint64_t skipped = std::min<std::uint64_t>(first > at ? first - at : 0, piece.size());
      const std::uint64_t end =
          first + count > at ? std::min<std::uint64_t>(first + count - at, piece.size()) : 0;
      at += piece.size();
      if (end <= skipped) return;
      piece = piece.subspan(skipped, end - skipped);
      if (to == from.tensor->type) {
        sink.put(piece);
      } else {
        sink.put(cast_elements(from.tensor->type, to, piece));
      }
    });
  }

  const ByteSource& source_of(const std::string& path) {
    std::unique_ptr<ByteSource>& source = sources_[path];
    if (!source) source = open_file(path);
    return *source;
  }

  std::span<const PlannedTensor> planned_;
  std::span<const NewTensor> tensors_;
  std::map<std::string, std::unique_ptr<ByteSource>> sources_;
};

std::uint64_t write_file(std::span<const PlannedTensor> planned, std::optional<ElementType> dtype,
                         const std::string& path, const SafetensorsMetadata& metadata) {
  const std::vector<NewTensor> tensors = new_tensors(planned, dtype);
  Bytes bytes{planned, tensors};
  const TensorBytes give = [&bytes](std::size_t index, TensorSink& sink) { bytes(index, sink); };
  if (path.ends_with(pth_suffix)) {
    write_pth(path, tensors, give);
  } else {
    write_safetensors(path, tensors, metadata, give);
  }
  std::uint64_t written = 0;
  for (const NewTensor& tensor : tensors) written += bytes_of(tensor);
  return written;
}

}  // namespace

void check_weights_path(const std::string& path) {
  refuse_existing(path);
  if (path.ends_with(pth_suffix) || path.ends_with(safetensors_suffix)) return;
  throw Error{Category::usage, "write weights", Where{.file = path},
              Expected{"a file named .safetensors, or .pth as Wan has its text encoder and VAE"},
              Got{"another name"}};
}

WrittenWeights write_plan(const ConversionPlan& plan, std::optional<ElementType> dtype,
                          const std::string& path) {
  check_weights_path(path);
  WrittenWeights written{
      .path = path, .what = {}, .tensors = plan.tensors.size(), .aside = plan.aside.size()};
  // First: weights without what belongs beside them must not look whole.
  if (!plan.aside.empty() || !plan.names.empty()) {
    written.side = side_path(path);
    write_file(plan.aside, dtype, written.side, side_metadata(plan.aside_layout, plan.names));
  }
  written.bytes = write_file(plan.tensors, dtype, path, {});
  return written;
}

}  // namespace ditmill::registry
