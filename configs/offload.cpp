#include "configs/offload.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "configs/choice.h"
#include "configs/error.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

constexpr std::array<Choice<OffloadType>, 5> offload_types{{{"none", OffloadType::none},
                                                            {"stages", OffloadType::stages},
                                                            {"model", OffloadType::stages},
                                                            {"sequential", OffloadType::sequential},
                                                            {"async", OffloadType::async}}};
constexpr Bounds<double> ratio_bounds{0, 1};
constexpr Bounds<int> prefetch_bounds{1, 1024};

OffloadType type_named(const nlohmann::json& word) {
  const std::optional<OffloadType> type = value_of<OffloadType>(offload_types, word.get<std::string_view>());
  if (type) return *type;
  throw Error{Category::bad_input, "read a config dump", {}, {}, Got{printable(word.dump())}};
}

}  // namespace

std::string_view name(OffloadType type) noexcept { return word_of(offload_types, type); }

void read_offload(MapReader& component, Offload& out) {
  const YamlNode* node = component.find("offload");
  if (node == nullptr) return;
  Offload read;
  if (node->kind != YamlNode::Kind::mapping) {
    if (component.read("offload", read.type, offload_types)) out = read;
    return;
  }
  MapReader inner = component.map("offload");
  const std::size_t known_problems = inner.problems().size();
  if (!inner.has("type")) {
    component.problem("offload", component.path_of("offload") + " does not say which",
                      "type: async beside it");
  }
  inner.read("type", read.type, offload_types);
  inner.read("ratio", read.ratio, ratio_bounds);
  inner.read("prefetch", read.prefetch, prefetch_bounds);
  for (const char* key : {"ratio", "prefetch"}) {
    if (read.type == OffloadType::async || !inner.has("type") || !inner.has(key)) continue;
    inner.problem_at_key(key, inner.path_of(key) + " is of type async", "type: async, or none of it");
  }
  inner.finish();
  if (inner.problems().size() == known_problems) out = read;
}

nlohmann::json dump_offload(const Offload& offload) {
  if (offload.type != OffloadType::async) return name(offload.type);
  return {{"type", name(offload.type)}, {"ratio", offload.ratio}, {"prefetch", offload.prefetch}};
}

Offload offload_from_dump(const nlohmann::json& dumped) {
  if (!dumped.is_object()) return {.type = type_named(dumped)};
  return {.type = type_named(dumped.at("type")),
          .ratio = dumped.at("ratio").get<double>(),
          .prefetch = dumped.at("prefetch").get<int>()};
}

}  // namespace ditmill::configs
