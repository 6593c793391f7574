#include "configs/pipeline_config.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "configs/component_name.h"
#include "configs/declared_fields.h"
#include "configs/suggest.h"
#include "configs/yaml_reader.h"

namespace ditmill::configs {
namespace {

constexpr std::array<Choice<Dtype>, 2> dtypes{{{"bfloat16", Dtype::bfloat16}, {"float32", Dtype::float32}}};
constexpr std::array<Choice<Solver>, 5> solvers{{{"unipc", Solver::unipc},
                                                 {"euler", Solver::euler},
                                                 {"wan-unipc", Solver::wan_unipc},
                                                 {"wan-euler", Solver::wan_euler},
                                                 {"wan-dpm++", Solver::wan_dpmpp}}};

constexpr std::array<Choice<Numerics>, 2> all_numerics{
    {{"reference", Numerics::reference}, {"fast", Numerics::fast}}};

constexpr std::array<Choice<Strategy>, 5> strategies{{{"auto", Strategy::automatic},
                                                      {"independent", Strategy::independent},
                                                      {"broadcast", Strategy::broadcast},
                                                      {"striped", Strategy::striped},
                                                      {"shared", Strategy::shared}}};

constexpr Bounds<int> degree_bounds{1, 65536};
constexpr Bounds<int> window_bounds{1, 4096};
constexpr int tile_step = 8;  // pixels of a latent pixel
constexpr Bounds<int> tile_bounds{tile_step, 16384};

void read_degrees(MapReader& parallel, ParallelConfig& out) {
  const YamlNode* dp = parallel.find("dp");
  const bool automatic = dp != nullptr && dp->kind == YamlNode::Kind::scalar && dp->text == "auto";
  int degree = 1;
  if (automatic) {
    out.dp.reset();
  } else if (parallel.read("dp", degree, degree_bounds)) {
    out.dp = degree;
  } else if (dp != nullptr && !dp->reported) {
    parallel.problems().back().expected.insert(0, "auto, or ");
  }
  parallel.read("cfg", out.cfg, degree_bounds);
  parallel.read("ring", out.ring, degree_bounds);
  parallel.read("ulysses", out.ulysses, degree_bounds);
  parallel.read("pp", out.pp, degree_bounds);
  parallel.read("tp", out.tp, degree_bounds);
  parallel.read("fsdp", out.fsdp);
  parallel.read("reshard_after_forward", out.reshard_after_forward);
}

/// Degrees that no model and no world could run.
void check_parallel(MapReader& parallel, const ParallelConfig& config, bool guided) {
  if (config.cfg > 2) {
    parallel.problem("cfg", parallel.path_of("cfg") + " shares out the two passes of guidance", "1 or 2",
                     std::to_string(config.cfg), "2");
  } else if (config.cfg == 2 && !guided) {
    parallel.problem("cfg", parallel.path_of("cfg") + " has no second half: guidance_scale is 1 or less",
                     "cfg: 1, or a guidance_scale above 1", "2");
  }
  if (config.fsdp && config.cfg * std::int64_t{config.ring} * config.ulysses == 1) {
    parallel.problem("fsdp",
                     parallel.path_of("fsdp") + " would shard over one rank: cfg x ring x ulysses is 1",
                     "ulysses, ring or cfg above 1, or fsdp: false", "true");
  }
  if (!config.reshard_after_forward && !config.fsdp) {
    parallel.problem("reshard_after_forward",
                     parallel.path_of("reshard_after_forward") + " is of fsdp, which is off",
                     "fsdp: true beside it", "false");
  }
}

/// `auto`, or a mapping of degrees.
void read_parallel(MapReader& pipeline, ParallelConfig& out, bool guided) {
  const YamlNode* node = pipeline.find("parallel");
  if (node != nullptr && node->kind == YamlNode::Kind::scalar && node->text == "auto") {
    out = {.automatic = true};
    return;
  }
  const std::size_t known_problems = pipeline.problems().size();
  MapReader parallel = pipeline.map("parallel");
  if (pipeline.problems().size() > known_problems) {
    pipeline.problems().back().expected = "auto, or a mapping of degrees";
  } else if (node != nullptr) {
    out.automatic = false;
  }
  read_degrees(parallel, out);
  if (pipeline.problems().size() == known_problems) check_parallel(parallel, out, guided);
  parallel.finish();
}

void read_attention(MapReader& component, std::string& out) {
  const YamlNode* attention = component.find("attention");
  if (attention == nullptr) return;
  const auto read_name = [&out](MapReader& reader, std::string_view key) {
    std::string name;
    if (!reader.read(key, name)) return;
    if (name == "sdpa") {
      out = name;
      return;
    }
    reader.problem(key, "this version cannot run attention " + printable(name, 80), "sdpa", {},
                   nearest(name, std::vector<std::string>{"sdpa"}));
  };
  if (attention->kind != YamlNode::Kind::mapping) {
    read_name(component, "attention");
    return;
  }
  MapReader inner = component.map("attention");
  read_name(inner, "impl");
  if (inner.has("sparse")) {
    inner.problem_at_key("sparse", "this version cannot run sparse attention", "attention: sdpa");
  }
  inner.finish();
}

void refuse_lora(MapReader& component) {
  if (component.list("lora").empty()) return;
  component.problem("lora", "this version cannot apply LoRA files: " + component.path_of("lora"),
                    "an empty list");
}

void read_tile_edge(MapReader& tiling, std::string_view key, int& out) {
  int edge = 0;
  if (!tiling.read(key, edge, tile_bounds)) return;
  if (edge % tile_step == 0) {
    out = edge;
    return;
  }
  tiling.problem(key, tiling.path_of(key) + " does not fit the VAE's latents",
                 "a multiple of " + std::to_string(tile_step), std::to_string(edge),
                 std::to_string((edge + tile_step / 2) / tile_step * tile_step));
}

/// A stride above its size would leave gaps. Says so at the one of the two that is written.
void check_stride(MapReader& tiling, std::string_view size_key, int size, std::string_view stride_key,
                  int stride) {
  if (stride <= size) return;
  const bool by_stride = tiling.has(stride_key);
  tiling.problem(by_stride ? stride_key : size_key,
                 tiling.path_of(stride_key) + " is larger than " + std::string(size_key),
                 "at most " + std::to_string(size), std::to_string(stride));
}

void read_tiling(MapReader& vae, std::optional<VaeTiling>& out) {
  const YamlNode* node = vae.find("tiling");
  if (node == nullptr || node->reported) return;
  if (node->kind != YamlNode::Kind::mapping) {
    bool wanted = false;
    if (vae.read("tiling", wanted)) {
      out = wanted ? std::optional(out.value_or(VaeTiling{})) : std::nullopt;
    } else {
      vae.problems().back().expected = "true, false or a mapping";
    }
    return;
  }
  MapReader inner = vae.map("tiling");
  VaeTiling tiling = out.value_or(VaeTiling{});
  const std::size_t known_problems = vae.problems().size();
  read_tile_edge(inner, "height", tiling.height);
  read_tile_edge(inner, "width", tiling.width);
  read_tile_edge(inner, "stride_height", tiling.stride_height);
  read_tile_edge(inner, "stride_width", tiling.stride_width);
  if (vae.problems().size() == known_problems) {
    check_stride(inner, "height", tiling.height, "stride_height", tiling.stride_height);
    check_stride(inner, "width", tiling.width, "stride_width", tiling.stride_width);
  }
  inner.finish();
  out = tiling;
}

void read_component(MapReader component, std::string_view name, ComponentConfig& out, int& text_window) {
  if (component.read("dtype", out.dtype, dtypes)) out.own_dtype = true;
  read_attention(component, out.attention);
  read_offload(component, out.offload);
  refuse_lora(component);
  if (name == "vae") read_tiling(component, out.tiling);
  if (name == "text_encoder") component.read("window", text_window, window_bounds);
  component.finish();
}

void read_components(MapReader components, PipelineConfig& config) {
  for (auto& [name, component] : config.components) {
    std::string key = name;
    if (const std::string former{hashed_name(name)};
        former != name && components.node().find(former) != nullptr) {
      if (components.has(name)) report_both_names(components, former, name);
      components.find(former);
      key = former;
    }
    read_component(components.map(key), name, component, config.text_window);
    components.find(name);  // what is near to it was meant
  }
  // Of models with more components: nothing can be said of them yet.
  for (const std::string_view name : component_names()) {
    if (!config.components.contains(std::string{name})) components.map(name).finish();
  }
  components.finish();
}

/// Blocks come and go either between ranks, or between a rank and where its weights rest.
void refuse_offload_with_fsdp(MapReader& pipeline, const PipelineConfig& config) {
  for (const auto& [component, settings] : config.components) {
    if (!component.starts_with("transformer") || !config.parallel.fsdp || !settings.offload.any()) continue;
    pipeline.problem_at_key("components",
                            "components." + component + ".offload does not go together with parallel.fsdp",
                            "one of them", std::string(name(settings.offload.type)));
  }
}

void read_loading(MapReader loading, Strategy& out) {
  loading.read("strategy", out, strategies);
  loading.finish();
}

}  // namespace

std::string_view name(Dtype dtype) noexcept { return word_of(dtypes, dtype); }
std::string_view name(Solver solver) noexcept { return word_of(solvers, solver); }
std::string_view name(Numerics numerics) noexcept { return word_of(all_numerics, numerics); }
std::string_view name(Strategy strategy) noexcept { return word_of(strategies, strategy); }
std::optional<Strategy> strategy_named(std::string_view name) noexcept {
  return value_of<Strategy>(strategies, name);
}
std::span<const std::string_view> solver_names() {
  static constexpr std::array words = [] {
    std::array<std::string_view, solvers.size()> all;
    std::ranges::transform(solvers, all.begin(), &Choice<Solver>::word);
    return all;
  }();
  return words;
}
std::optional<Solver> solver_named(std::string_view name) noexcept { return value_of<Solver>(solvers, name); }
std::optional<Dtype> dtype_named(std::string_view name) noexcept { return value_of<Dtype>(dtypes, name); }
std::optional<Numerics> numerics_named(std::string_view name) noexcept {
  return value_of<Numerics>(all_numerics, name);
}

void apply_pipeline(MapReader pipeline, PipelineConfig& config) {
  pipeline.read("preset", config.preset);
  pipeline.read("solver", config.solver, solvers);
  pipeline.read("steps", config.steps, steps_bounds);
  pipeline.read("guidance_scale", config.guidance_scale, guidance_bounds);
  pipeline.read("flow_shift", config.flow_shift, flow_shift_bounds);
  pipeline.read("numerics", config.numerics, all_numerics);
  read_fields(pipeline, family_pipeline_fields(), config.more);
  if (pipeline.read("dtype", config.dtype, dtypes)) {
    for (auto& [name, component] : config.components) {
      if (!component.own_dtype) component.dtype = config.dtype;
    }
  }
  read_parallel(pipeline, config.parallel, config.guided());
  read_components(pipeline.map("components"), config);
  refuse_offload_with_fsdp(pipeline, config);
  read_loading(pipeline.map("loading"), config.loading);
  pipeline.finish();
}

}  // namespace ditmill::configs
