#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "configs/bounds.h"
#include "configs/field.h"
#include "configs/offload.h"

namespace ditmill::configs {

class MapReader;

enum class Dtype { float32, bfloat16 };
/// unipc, euler: as diffusers has them; the others: as Wan's own code has them.
enum class Solver { unipc, euler, wan_unipc, wan_euler, wan_dpmpp };

/// How layers compute: by diffusers' operators in their order, or by some that are fused and reordered.
enum class Numerics { reference, fast };

/// How weights come to the ranks (dist/weights/load.h). automatic: by what is held and where files are.
enum class Strategy { automatic, independent, broadcast, striped, shared };

std::string_view name(Dtype dtype) noexcept;
std::string_view name(Solver solver) noexcept;
std::string_view name(Numerics numerics) noexcept;
std::string_view name(Strategy strategy) noexcept;
/// None if there is none of that name.
std::optional<Strategy> strategy_named(std::string_view name) noexcept;
std::span<const std::string_view> solver_names();
/// None if there is none of that name.
std::optional<Solver> solver_named(std::string_view name) noexcept;
/// None if there is none of that name.
std::optional<Dtype> dtype_named(std::string_view name) noexcept;
/// None if there is none of that name.
std::optional<Numerics> numerics_named(std::string_view name) noexcept;

/// The degrees of the axes; their product is the number of ranks. No dp: `auto`, what the world leaves.
struct ParallelConfig {
  std::optional<int> dp = {};
  int cfg = 1;
  int ring = 1;
  int ulysses = 1;
  int pp = 1;
  int tp = 1;
  bool fsdp = false;
  bool reshard_after_forward = true;  ///< false: fsdp gathers blocks once, and keeps them
  bool automatic = false;             ///< the degrees are still to be chosen, by the memory of the machines

  /// Ranks of one dp group: the product of all degrees but dp; at most 2^30, whatever that is.
  int group_size() const noexcept {
    std::int64_t ranks = 1;
    for (const int degree : {cfg, ring, ulysses, pp, tp}) {
      ranks = std::min<std::int64_t>(ranks * degree, std::int64_t{1} << 30);
    }
    return static_cast<int>(ranks);
  }
};

/// How the VAE cuts large pictures, in pixels: tiles of height x width, one every stride. Multiples of 8, the
/// strides at most the sizes.
struct VaeTiling {
  int height = 256;
  int width = 256;
  int stride_height = 192;
  int stride_width = 192;
};

/// How one component is run.
struct ComponentConfig {
  Dtype dtype = Dtype::bfloat16;
  bool own_dtype = false;  ///< it was said of this component alone: pipeline.dtype leaves it
  std::string attention = "sdpa";
  std::optional<VaeTiling> tiling = {};  ///< the VAE's; none: whole pictures
  Offload offload = {};                  ///< of what has no blocks any type is `stages`
};

/// What any pipeline may be asked for.
inline constexpr Bounds<int> steps_bounds{1, 1000};
inline constexpr Bounds<double> guidance_bounds{0, 100};
inline constexpr Bounds<double> flow_shift_bounds{above_zero, 100};

/// Whether a scale asks for guidance: a step then has a second pass, which the negative prompt tells.
constexpr bool guided(double guidance_scale) noexcept { return guidance_scale > 1; }

/// Layer 2: the algorithm, equal for every item of a job. Each field defaults to the preset's.
struct PipelineConfig {
  std::string preset;
  Solver solver = Solver::unipc;
  int steps = 50;
  double guidance_scale = 5.0;  ///< 1 or less: no guidance, one DiT forward a step
  double flow_shift = 3.0;
  Numerics numerics = Numerics::reference;
  FieldValues more;               ///< of the fields that the model's family has besides (declared_fields.h)
  Dtype dtype = Dtype::bfloat16;  ///< of components that have none of their own, as the VAE has
  ParallelConfig parallel;
  /// By name: those that the model has; before it is known, transformer, text_encoder, vae, and what a preset
  /// speaks of.
  std::map<std::string, ComponentConfig> components{
      {"transformer", {}}, {"text_encoder", {}}, {"vae", {.dtype = Dtype::float32, .own_dtype = true}}};
  Strategy loading = Strategy::automatic;
  int text_window = 64;                ///< items whose texts are encoded together
  std::string negative_prompt_suffix;  ///< the preset's; not a manifest field

  bool guided() const noexcept { return configs::guided(guidance_scale); }
};

/// Reads `pipeline:` over what `config` holds (a preset's); what is absent stays. What this version cannot
/// run is a problem. `preset` is only checked to be text: see read_preset(). Problems go to the reader; calls
/// finish().
void apply_pipeline(MapReader pipeline, PipelineConfig& config);

}  // namespace ditmill::configs
