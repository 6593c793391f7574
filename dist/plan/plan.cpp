#include "dist/plan/plan.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "configs/utf8.h"
#include "dist/plan/block_layout.h"
#include "dist/plan/slices.h"

namespace ditmill::dist {
namespace {

using nlohmann::json;

// A path is bytes; JSON text is UTF-8. A path that is no UTF-8 travels as the list of its bytes.
json bytes_to_json(const std::string& bytes) {
  if (utf8::find_invalid(bytes) == std::string_view::npos) return bytes;
  json list = json::array();
  for (const char byte : bytes) list.push_back(static_cast<unsigned char>(byte));
  return list;
}

std::string bytes_from_json(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string bytes;
  for (const json& byte : value) bytes.push_back(static_cast<char>(byte.get<unsigned char>()));
  return bytes;
}

json to_json(const registry::TensorInfo& tensor) {
  return json::array({bytes_to_json(tensor.name), registry::name(tensor.type), tensor.shape, tensor.begin,
                      tensor.end, tensor.strides});
}

registry::TensorInfo tensor_from_json(const json& value) {
  const std::string type = value.at(1).get<std::string>();
  const std::optional<registry::ElementType> known = registry::element_type_named(type);
  if (!known) throw Error{Category::internal, "decode a plan", {}, Expected{"an element type"}, Got{type}};
  return {.name = bytes_from_json(value.at(0)),
          .type = *known,
          .shape = value.at(2).get<std::vector<std::uint64_t>>(),
          .begin = value.at(3).get<std::uint64_t>(),
          .end = value.at(4).get<std::uint64_t>(),
          .strides = value.at(5).get<std::vector<std::uint64_t>>()};
}

json to_json(const registry::NamedTensor& tensor) {
  json parts = json::array();
  for (const std::string& part : tensor.parts) parts.push_back(bytes_to_json(part));
  return json::array({bytes_to_json(tensor.name), tensor.shape, std::move(parts), tensor.dim});
}

registry::NamedTensor named_from_json(const json& value) {
  registry::NamedTensor tensor{.name = bytes_from_json(value.at(0)),
                               .shape = value.at(1).get<std::vector<std::uint64_t>>(),
                               .parts = {},
                               .dim = value.at(3).get<std::size_t>()};
  for (const json& part : value.at(2)) tensor.parts.push_back(bytes_from_json(part));
  return tensor;
}

constexpr std::array<std::string_view, 4> stage_names{"all", "first", "last", "of_layer"};

json to_json(const std::string& tensor, const ShardRule& rule) {
  return json::array({bytes_to_json(tensor), rule.dim, rule.unit,
                      stage_names[static_cast<std::size_t>(rule.stages)], rule.layer});
}

ShardRule rule_from_json(const json& value, std::int64_t layers) {
  const auto* const stages = std::ranges::find(stage_names, value.at(3).get<std::string>());
  const ShardRule rule{.dim = value.at(1).get<int>(),
                       .unit = value.at(2).get<std::int64_t>(),
                       .stages = static_cast<Stages>(stages - stage_names.begin()),
                       .layer = value.at(4).get<std::int64_t>()};
  const bool of_layer = rule.stages == Stages::of_layer;
  if (stages == stage_names.end() || rule.dim < ShardRule::whole || rule.unit < 1 ||
      (of_layer && (rule.layer < 0 || rule.layer >= layers))) {
    throw Error{Category::internal,
                "decode a plan",
                {},
                Expected{"a rule of one of " + std::to_string(layers) + " blocks"},
                Got{printable(value.dump())}};
  }
  return rule;
}

json to_json(const registry::WeightFile& file) {
  json tensors = json::array();
  for (const registry::TensorInfo& tensor : file.tensors) tensors.push_back(to_json(tensor));
  return {{"path", bytes_to_json(file.path)},
          {"size", file.size},
          {"mtime_ns", file.mtime_ns},
          {"inode", file.inode},
          {"tensors", std::move(tensors)}};
}

registry::WeightFile file_from_json(const json& value) {
  registry::WeightFile file{.path = bytes_from_json(value.at("path")),
                            .size = value.at("size").get<std::uint64_t>(),
                            .mtime_ns = value.at("mtime_ns").get<std::int64_t>(),
                            .inode = value.at("inode").get<std::uint64_t>(),
                            .tensors = {}};
  for (const json& tensor : value.at("tensors")) file.tensors.push_back(tensor_from_json(tensor));
  return file;
}

configs::Dtype dtype_from_json(const json& value) {
  const std::string text = value.get<std::string>();
  if (const std::optional<configs::Dtype> dtype = configs::dtype_named(text)) return *dtype;
  throw Error{Category::internal, "decode a plan", {}, Expected{"float32 or bfloat16"}, Got{text}};
}

}  // namespace

std::string block_name(std::span<const BlockList> lists, std::int64_t layer) {
  for (const BlockList& list : lists) {
    if (layer < list.layers) return list.name + "." + std::to_string(layer);
    layer -= list.layers;
  }
  return BlockList{}.name + "." + std::to_string(layer);
}

configs::Dtype ComponentPlan::dtype_of(std::string_view tensor) const {
  const bool kept = std::binary_search(keep_float32.begin(), keep_float32.end(), tensor);
  return kept ? configs::Dtype::float32 : dtype;
}

ShardRule ComponentPlan::rule_of(std::string_view tensor) const {
  const auto found = rules.find(tensor);
  return found == rules.end() ? ShardRule{} : found->second;
}

void ComponentPlan::for_each_tensor(
    const std::function<void(const std::string& name, std::span<const std::uint64_t> shape)>& visit) const {
  for (const registry::NamedTensor& tensor : named) visit(tensor.name, tensor.shape);
  if (!named.empty()) return;
  for (const registry::WeightFile& file : files) {
    for (const registry::TensorInfo& tensor : file.tensors) visit(tensor.name, tensor.shape);
  }
}

std::uint64_t ComponentPlan::file_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const registry::WeightFile& file : files) bytes += file.size;
  return bytes;
}

std::uint64_t ComponentPlan::bytes_on(const Mesh& mesh, int rank) const {
  std::uint64_t bytes = 0;
  for_each_tensor([&](const std::string& name, std::span<const std::uint64_t> shape) {
    if (fsdp && rule_of(name).stages == Stages::of_layer) return;
    const Slice slice = slice_of(*this, mesh, rank, name, shape);
    if (slice.held) bytes += elements_of(slice.shape) * element_bytes(dtype_of(name));
  });
  for (const auto& [layer, layout] : block_layouts(*this, mesh, rank)) {
    bytes += static_cast<std::uint64_t>(shard_range(layout, mesh, rank).size());
  }
  return bytes;
}

std::uint64_t element_bytes(configs::Dtype dtype) noexcept {
  return dtype == configs::Dtype::float32 ? 4 : 2;
}

json to_json(const ComponentPlan& plan) {
  json files = json::array();
  for (const registry::WeightFile& file : plan.files) files.push_back(to_json(file));
  json keep = json::array();
  for (const std::string& tensor : plan.keep_float32) keep.push_back(bytes_to_json(tensor));
  json named = json::array();
  for (const registry::NamedTensor& tensor : plan.named) named.push_back(to_json(tensor));
  json lists = json::array();
  for (const BlockList& list : plan.lists) lists.push_back({list.name, list.layers});
  json rules = json::array();
  for (const auto& [tensor, rule] : plan.rules) rules.push_back(to_json(tensor, rule));
  return {{"name", plan.name},
          {"hyper_parameters", plan.hyper_parameters},
          {"dtype", configs::name(plan.dtype)},
          {"keep_float32", std::move(keep)},
          {"files", std::move(files)},
          {"named", std::move(named)},
          {"rules", std::move(rules)},
          {"layers", plan.layers},
          {"lists", std::move(lists)},
          {"fsdp", plan.fsdp},
          {"offload", configs::dump_offload(plan.offload)}};
}

ComponentPlan component_plan_from_json(const json& value) {
  try {
    ComponentPlan plan{.name = value.at("name").get<std::string>(),
                       .hyper_parameters = value.at("hyper_parameters"),
                       .dtype = dtype_from_json(value.at("dtype")),
                       .keep_float32 = {},
                       .files = {}};
    for (const json& tensor : value.at("keep_float32")) plan.keep_float32.push_back(bytes_from_json(tensor));
    for (const json& file : value.at("files")) plan.files.push_back(file_from_json(file));
    for (const json& tensor : value.at("named")) plan.named.push_back(named_from_json(tensor));
    plan.layers = value.at("layers").get<std::int64_t>();
    for (const json& list : value.at("lists")) {
      plan.lists.push_back({.name = list.at(0).get<std::string>(), .layers = list.at(1).get<std::int64_t>()});
    }
    plan.fsdp = value.at("fsdp").get<bool>();
    plan.offload = configs::offload_from_dump(value.at("offload"));
    for (const json& rule : value.at("rules")) {
      plan.rules.emplace(bytes_from_json(rule.at(0)), rule_from_json(rule, plan.layers));
    }
    return plan;
  } catch (const json::exception& error) {
    throw Error{Category::internal, "decode a plan", {}, Expected{"what to_json() wrote"}, Got{error.what()}};
  }
}

}  // namespace ditmill::dist
