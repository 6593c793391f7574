#include "registry/identity/diffusers/corrections.h"

#include <algorithm>
#include <array>

#include "configs/error.h"
#include "registry/identity/diffusers/cascade.h"
#include "registry/identity/diffusers/words.h"

namespace ditmill::registry::cascade {
namespace {

enum class Instead : std::uint8_t {
  unknown,  ///< it is not even of the family
  family,   ///< it is a model of the family without a type
  vae,      ///< it is that family's VAE
  type,     ///< it is another type
};

/// Of what diffusers takes for a type, something that is another. The first that holds decides.
struct Correction {
  std::string_view type;
  std::array<KeyCondition, 2> when;
  Instead instead = Instead::family;
  std::string_view other = {};  ///< Instead::type
};

// Where it is not said: facts of Wan, fact sheet of diffusers, 1d. ChronoEdit cannot be told from
// wan-i2v-14B, nor Wan 2.2's experts from Wan 2.1.
constexpr std::array all_corrections{
    // The end of the cascade: whatever has no rule.
    Correction{"v1", {none("v1")}, Instead::unknown},
    // One name is in two entries, and the earlier rule takes it.
    Correction{"controlnet", {any("animatediff")}, Instead::type, "animatediff_scribble"},
    // The picture's half of LTX-2 has the names of LTX-Video.
    Correction{"ltx-video-0.9.7", {any("ltx2 sound")}, Instead::type, "ltx2-dev"},
    Correction{"ltx-video", {any("ltx2 sound")}, Instead::type, "ltx2-dev"},
    // All VAEs of Wan's layout: Wan 2.1, Wan 2.2, Qwen-Image.
    Correction{"wan-t2v-14B", {none("wan")}, Instead::vae},
    // SkyReels-V2's models for frames without end, and Wan-Animate 2.
    Correction{"wan-t2v-1.3B", {wan(any("wan rate"))}},
    Correction{"wan-t2v-14B", {wan(any("wan rate"))}},
    Correction{"wan-i2v-14B", {wan(any("wan rate"))}},
    Correction{"wan-t2v-1.3B", {wan(any("wan in-context"))}},
    Correction{"wan-t2v-14B", {wan(any("wan in-context"))}},
    Correction{"wan-i2v-14B", {wan(any("wan in-context"))}},
    // Fun's and others' 1.3B with 36 channels.
    Correction{"wan-t2v-1.3B", {wan(other_size("wan patch", 1, 16))}},
    // TI2V-5B, and what else is left over; then I2V-A14B without pictures' embedder, FLF2V with two pictures.
    Correction{"wan-i2v-14B", {wan(other_size("wan patch", 0, 5120))}},
    Correction{"wan-i2v-14B", {wan(other_size("wan patch", 1, 36))}},
    Correction{"wan-i2v-14B", {wan(none("wan image"))}},
    Correction{"wan-i2v-14B", {wan(any("wan last image"))}},
    // HunyuanVideo 1.5, and those with the channels of a picture: I2V, SkyReels-V1 (facts of other families,
    // 7).
    Correction{"hunyuan-video", {any("hunyuan-video-1.5")}},
    Correction{"hunyuan-video", {any("hunyuan-video patch"), other_size("hunyuan-video patch", 1, 16)}},
    // PixArt has Sana's names for cross-attention, and an MLP where that has convolutions.
    Correction{"sana", {any("pixart")}, Instead::unknown},
    // FLUX.2-klein is 3072 or 4096 wide, FLUX.2-dev 6144 (facts of other families, 6).
    Correction{"flux-2-dev",
               {prefixed(any("flux2 modulation")), prefixed(size("flux2 modulation", -1, 3072))}},
    Correction{"flux-2-dev",
               {prefixed(any("flux2 modulation")), prefixed(size("flux2 modulation", -1, 4096))}},
};

std::optional<CorrectedType> instead_of(const DiffusersType& type, const Correction& correction) {
  switch (correction.instead) {
    case Instead::unknown:
      return std::nullopt;
    case Instead::family:
      return CorrectedType{type.family, type.role, {}};
    case Instead::vae:
      return CorrectedType{type.family, "vae", {}};
    case Instead::type:
      break;
  }
  const DiffusersType* other = diffusers_type_named(correction.other);
  return CorrectedType{other->family, other->role, {other}};
}

}  // namespace
}  // namespace ditmill::registry::cascade

namespace ditmill::registry {

std::optional<CorrectedType> corrected_type(const ShapeTable& shapes, const std::string& label) {
  try {
    std::vector<const DiffusersType*> types = diffusers_type(shapes, label);
    const DiffusersType& type = *types.front();
    const Checkpoint checkpoint{shapes, label, {}};
    for (const cascade::Correction& correction : cascade::all_corrections) {
      if (correction.type == type.name && all_hold(correction.when, checkpoint).value_or(false))
        return cascade::instead_of(type, correction);
    }
    return CorrectedType{type.family, type.role, std::move(types)};
  } catch (const Error&) {
    return std::nullopt;  // no type: sizes or names contradict the rule that took it
  }
}

}  // namespace ditmill::registry
