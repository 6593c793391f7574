#include "registry/tools/view_export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "configs/choice.h"
#include "configs/version.h"
#include "registry/tools/count_text.h"
#include "registry/tools/summary.h"
#include "registry/tools/tensor_tree.h"

namespace ditmill::registry {
namespace {

using TorchName = configs::Choice<ElementType>;

/// What PyTorch calls the types that safetensors has; F6 has no name there.
constexpr std::array<TorchName, 22> torch_names{{{"torch.bool", ElementType::boolean},
                                                 {"torch.uint8", ElementType::u8},
                                                 {"torch.int8", ElementType::i8},
                                                 {"torch.float8_e5m2", ElementType::f8_e5m2},
                                                 {"torch.float8_e4m3fn", ElementType::f8_e4m3},
                                                 {"torch.float8_e8m0fnu", ElementType::f8_e8m0},
                                                 {"torch.float8_e4m3fnuz", ElementType::f8_e4m3fnuz},
                                                 {"torch.float8_e5m2fnuz", ElementType::f8_e5m2fnuz},
                                                 {"torch.int16", ElementType::i16},
                                                 {"torch.uint16", ElementType::u16},
                                                 {"torch.float16", ElementType::f16},
                                                 {"torch.bfloat16", ElementType::bf16},
                                                 {"torch.int32", ElementType::i32},
                                                 {"torch.uint32", ElementType::u32},
                                                 {"torch.float32", ElementType::f32},
                                                 {"torch.complex64", ElementType::c64},
                                                 {"torch.float64", ElementType::f64},
                                                 {"torch.int64", ElementType::i64},
                                                 {"torch.uint64", ElementType::u64},
                                                 {"torch.float4_e2m1fn_x2", ElementType::f4},
                                                 {"float6_e2m3", ElementType::f6_e2m3},
                                                 {"float6_e3m2", ElementType::f6_e3m2}}};

std::string torch_name(ElementType type) {
  return std::string{configs::word_of<ElementType>(torch_names, type)};
}

/// As Python writes a tuple: "(2, 3)", "(5,)", "()".
std::string tuple_text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

nlohmann::json structure_json(const TreeNode& node) {
  if (node.tensor != nullptr) {
    return {{"shape", node.tensor->shape},
            {"dtype", torch_name(node.tensor->type)},
            {"numel", node.parameters},
            {"requires_grad", false},
            {"device", "cpu"}};
  }
  nlohmann::json object = nlohmann::json::object();
  for (const TreeNode& child : node.children) object[std::string{child.label}] = structure_json(child);
  return object;
}

nlohmann::json summary_json(const Component& component) {
  const WeightSummary summary = summarize(component);
  std::map<std::string, std::uint64_t> dtypes;
  std::map<std::string, std::uint64_t> shapes;
  nlohmann::json paths = nlohmann::json::array();
  for (const WeightFile& file : component.files) {
    paths.push_back(file.path);
    for (const TensorInfo& tensor : file.tensors) {
      dtypes[torch_name(tensor.type)] += tensor.elements();
      ++shapes[tuple_text(tensor.shape)];
    }
  }
  const Identity& identity = component.identity;
  return {{"hash_with_shape", identity.key_hash_flat.empty() ? identity.key_hash : identity.key_hash_flat},
          {"total_parameters", summary.parameters},
          {"total_parameters_formatted", short_count(summary.parameters)},
          {"files_loaded", component.files.size()},
          {"file_paths", std::move(paths)},
          {"dtype_distribution", dtypes},
          {"shape_distribution", shapes}};
}

}  // namespace

nlohmann::json export_json(const Component& component, std::int64_t timestamp) {
  return {{"summary", summary_json(component)},
          {"weights_structure", structure_json(tensor_tree(component))},
          {"metadata", {{"tool_version", version}, {"export_timestamp", timestamp}}}};
}

nlohmann::json export_json(std::span<const NamedComponent> components, std::int64_t timestamp) {
  nlohmann::json all = nlohmann::json::object();
  for (const NamedComponent& one : components) {
    all[one.name.empty() ? one.component.label : one.name] = export_json(one.component, timestamp);
  }
  return all;
}

}  // namespace ditmill::registry
