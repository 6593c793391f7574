#include "registry/identity/packed.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "configs/error.h"

namespace ditmill::registry {
namespace {

struct Mark {
  std::string_view part;  ///< of a tensor's name
  std::string_view kind;
};
// What quantizers store beside the weights.
constexpr std::array<Mark, 14> marks{{{"quant_state.bitsandbytes__nf4", "4 bits of bitsandbytes (nf4)"},
                                      {"quant_state.bitsandbytes__fp4", "4 bits of bitsandbytes (fp4)"},
                                      {".quant_map", "4 bits of bitsandbytes"},
                                      {".absmax", "4 bits of bitsandbytes"},
                                      {".SCB", "8 bits of bitsandbytes"},
                                      {".qweight", "GPTQ, AWQ or SVDQuant"},
                                      {".qzeros", "GPTQ or AWQ"},
                                      {".smooth_factor", "SVDQuant"},
                                      {"scaled_fp8", "FP8 with scales"},
                                      {".scale_weight", "weights with scales"},
                                      {".weight_scale", "weights with scales"},
                                      {".comfy_quant", "weights with scales"},
                                      {".scale_input", "weights with scales"},
                                      {".input_scale", "weights with scales"}}};

bool is_fp8(ElementType type) {
  using enum ElementType;
  return type == f8_e5m2 || type == f8_e4m3 || type == f8_e8m0 || type == f8_e4m3fnuz || type == f8_e5m2fnuz;
}

bool is_computable(ElementType type) {
  using enum ElementType;
  return type == f32 || type == bf16 || type == f16;
}

struct Packing {
  std::string kind;
  const WeightFile* file = nullptr;
  const TensorInfo* tensor = nullptr;
};

Packing packing_of(const Component& component) {
  Packing dtype;
  Packing beside;
  const Mark* nearest = marks.end();
  for (const WeightFile& file : component.files) {
    for (const TensorInfo& tensor : file.tensors) {
      if (dtype.tensor == nullptr && !is_computable(tensor.type) && tensor.shape.size() > 1) {
        dtype = {is_fp8(tensor.type) ? "FP8" : std::string{name(tensor.type)}, &file, &tensor};
      }
      const Mark* mark = std::ranges::find_if(
          marks, [&](const Mark& one) { return tensor.name.find(one.part) != std::string::npos; });
      if (mark >= nearest) continue;
      nearest = mark;
      beside = {std::string{mark->kind}, &file, &tensor};
    }
  }
  if (beside.tensor == nullptr) return dtype;
  if (dtype.kind == "FP8" && beside.kind == "weights with scales") beside.kind = "FP8 with scales";
  return beside;
}

}  // namespace

std::string packed_as(const Component& component) { return packing_of(component).kind; }

std::string fp8_kind(const Component& component) {
  bool fp8 = false;
  bool scales = false;
  bool rows = false;
  for (const WeightFile& file : component.files) {
    for (const TensorInfo& tensor : file.tensors) {
      fp8 |= is_fp8(tensor.type) && tensor.shape.size() > 1;
      if (!tensor.name.ends_with(".weight_scale") && !tensor.name.ends_with(".scale_weight")) continue;
      scales = true;
      rows |= tensor.shape.size() == 2 && tensor.shape[0] > 1;
    }
  }
  if (!fp8) return {};
  return !scales ? "fp8-plain" : rows ? "fp8-channel" : "fp8-tensor";
}

void refuse_packed(const Component& component) {
  const Packing packing = packing_of(component);
  if (packing.tensor == nullptr) return;
  throw Error{Category::unsupported,
              "compute with the weights",
              Where{.file = packing.file->path, .tensor = packing.tensor->name},
              Expected{"weights in F32, BF16 or F16"},
              Got{"packed ones: " + packing.kind},
              "this version computes with none of the packed types, whatever the catalog says of them: use a "
              "BF16 (or "
              "FP16) file of the same model"};
}

}  // namespace ditmill::registry
