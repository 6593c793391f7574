#include "registry/components/kv_scale.h"

#include <array>

namespace ditmill::registry {
namespace {

struct KvScaleRow {
  std::string_view part;   ///< of a name
  bool at_end = false;     ///< it is the name's end; else it stands anywhere in it
  std::string_view layer;  ///< takes its place
};

// The first that a name has holds.
constexpr std::array<KvScaleRow, 5> kv_scale_rows{
    {{".kv_scale", true, ".attn.k_scale"},
     {".self_attn.k_proj.k_scale", false, ".self_attn.attn.k_scale"},
     {".self_attn.v_proj.v_scale", false, ".self_attn.attn.v_scale"},
     {".k_scale", true, ".attn.k_scale"},
     {".v_scale", true, ".attn.v_scale"}}};

struct KvScaleMatch {
  const KvScaleRow* row = nullptr;  ///< null: no row is in the name
  std::size_t at = 0;
};

KvScaleMatch match_kv_scale(std::string_view name) noexcept {
  for (const KvScaleRow& row : kv_scale_rows) {
    const std::size_t at = name.rfind(row.part);
    if (at == std::string_view::npos || (row.at_end && at + row.part.size() != name.size())) continue;
    return {&row, at};
  }
  return {};
}

}  // namespace

bool is_kv_scale(std::string_view name) noexcept { return match_kv_scale(name).row != nullptr; }

std::optional<std::string> layer_name_of_kv_scale(std::string_view name,
                                                  const std::function<bool(std::string_view)>& has) {
  const KvScaleMatch match = match_kv_scale(name);
  if (match.row == nullptr || has(name)) return std::string{name};
  std::string layer{name.substr(0, match.at)};
  layer += match.row->layer;
  layer += name.substr(match.at + match.row->part.size());
  if (!has(layer)) return std::nullopt;
  return layer;
}

}  // namespace ditmill::registry
