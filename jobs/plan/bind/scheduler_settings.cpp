#include "jobs/plan/bind/scheduler_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/identity/folder_names.h"

namespace ditmill::jobs::plan {
namespace {

/// A field of a scheduler that ditmill has one value of. Both are JSON.
struct FixedSetting {
  const char* field;
  const char* ours;
  const char* absent;  ///< what diffusers takes where the file does not say
};

/// A class of diffusers and the solver that is ditmill's of it.
struct SchedulerClass {
  std::string_view name;
  configs::Solver solver;
  const char* shift;  ///< the field that is our flow_shift; 1 where the file does not say
  std::span<const FixedSetting> fixed;
};

constexpr std::array<FixedSetting, 14> unipc_settings{
    {{"prediction_type", "\"flow_prediction\"", "\"epsilon\""},
     {"use_flow_sigmas", "true", "false"},
     {"num_train_timesteps", "1000", "1000"},
     {"solver_order", "2", "2"},
     {"solver_type", "\"bh2\"", "\"bh2\""},
     {"predict_x0", "true", "true"},
     {"lower_order_final", "true", "true"},
     {"final_sigmas_type", "\"zero\"", "\"zero\""},
     {"disable_corrector", "[]", "[]"},
     {"thresholding", "false", "false"},
     {"use_karras_sigmas", "false", "false"},
     {"use_exponential_sigmas", "false", "false"},
     {"use_beta_sigmas", "false", "false"},
     {"use_dynamic_shifting", "false", "false"}}};
constexpr std::array<FixedSetting, 8> euler_settings{{{"num_train_timesteps", "1000", "1000"},
                                                      {"use_dynamic_shifting", "false", "false"},
                                                      {"invert_sigmas", "false", "false"},
                                                      {"stochastic_sampling", "false", "false"},
                                                      {"use_karras_sigmas", "false", "false"},
                                                      {"use_exponential_sigmas", "false", "false"},
                                                      {"use_beta_sigmas", "false", "false"},
                                                      {"shift_terminal", "null", "null"}}};
constexpr std::array<SchedulerClass, 2> scheduler_classes{
    {{"UniPCMultistepScheduler", configs::Solver::unipc, "flow_shift", unipc_settings},
     {"FlowMatchEulerDiscreteScheduler", configs::Solver::euler, "shift", euler_settings}}};

constexpr const char* index_name = "model_index.json";
constexpr const char* config_name = "scheduler/scheduler_config.json";
constexpr std::uint64_t largest_config = std::uint64_t{16} << 20;

const SchedulerClass* class_named(std::string_view name) {
  const auto found = std::ranges::find(scheduler_classes, name, &SchedulerClass::name);
  return found == scheduler_classes.end() ? nullptr : &*found;
}

std::string_view class_of(configs::Solver solver) {
  const auto found = std::ranges::find(scheduler_classes, solver, &SchedulerClass::solver);
  return found == scheduler_classes.end() ? std::string_view{} : found->name;
}

/// " of its preset NAME", or nothing.
std::string of_preset(const configs::Preset* preset) {
  return preset == nullptr ? "" : " of its preset " + preset->name;
}

std::string word_of_field(const nlohmann::json& value) {
  return printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), max_shown);
}

void compare_solver(const nlohmann::json& config, const configs::PipelineConfig& pipeline,
                    const configs::Preset* preset, std::vector<std::string>& found) {
  const auto said = config.find("_class_name");
  if (said == config.end() || !said->is_string()) {
    found.emplace_back("it does not say its _class_name");
    return;
  }
  const std::string_view ours = class_of(pipeline.solver);
  if (*said == ours || (preset != nullptr && preset->pipeline.solver != pipeline.solver)) return;
  found.push_back(fmt::format("the job takes solver {}{}{}; this folder says {}", name(pipeline.solver),
                              ours.empty() ? "" : fmt::format(" ({})", ours), of_preset(preset),
                              word_of_field(*said)));
}

void compare_shift(const nlohmann::json& config, const char* field, const configs::PipelineConfig& pipeline,
                   const configs::Preset* preset, std::vector<std::string>& found) {
  const nlohmann::json said = config.value(field, nlohmann::json(1.0));
  if (preset != nullptr && preset->pipeline.flow_shift != pipeline.flow_shift) return;
  if (said.is_number() && std::abs(said.get<double>() - pipeline.flow_shift) < 1e-9) return;
  found.push_back(fmt::format("the job takes flow_shift {:.1f}{}; this folder says {} {}",
                              pipeline.flow_shift, of_preset(preset), field, word_of_field(said)));
}

}  // namespace

std::vector<std::string> scheduler_differences(const nlohmann::json& config,
                                               const configs::PipelineConfig& pipeline,
                                               const configs::Preset* preset) {
  std::vector<std::string> found;
  compare_solver(config, pipeline, preset, found);
  const auto said = config.find("_class_name");
  const SchedulerClass* known =
      said != config.end() && said->is_string() ? class_named(said->get<std::string>()) : nullptr;
  if (known == nullptr) {
    // Others of diffusers that know flows name it so, too.
    if (config.contains("flow_shift")) compare_shift(config, "flow_shift", pipeline, preset, found);
    return found;
  }
  compare_shift(config, known->shift, pipeline, preset, found);
  for (const FixedSetting& each : known->fixed) {
    const nlohmann::json ours = nlohmann::json::parse(each.ours);
    const nlohmann::json theirs = config.value(each.field, nlohmann::json::parse(each.absent));
    if (ours == theirs) continue;
    found.push_back(fmt::format("the job takes {} {}; this folder says {}", each.field, word_of_field(ours),
                                word_of_field(theirs)));
  }
  return found;
}

std::vector<std::string> scheduler_warnings(const std::string& model_path,
                                            const configs::PipelineConfig& pipeline) {
  const std::string file = registry::inside(model_path, config_name);
  if (model_path.empty() || !registry::is_there(file)) return {};
  const std::string at_file = file + ": ";
  std::vector<std::string> warnings;
  try {
    const nlohmann::json config = registry::parse_json(registry::read_text(file, largest_config),
                                                       "read the scheduler's settings", file);
    if (!config.is_object()) return {file + ": not used, it is no object"};
    std::optional<configs::Preset> preset;
    if (!pipeline.preset.empty()) preset = configs::preset_named(pipeline.preset);
    for (const std::string& each : scheduler_differences(config, pipeline, preset ? &*preset : nullptr))
      warnings.push_back(at_file + each);
  } catch (const Error& error) {
    warnings.push_back(file + ": not set beside the job: " + error.what());
  }
  return warnings;
}

configs::FieldValues settings_of_index(const std::string& model_path) {
  configs::FieldValues settings;
  const std::string file = registry::inside(model_path, index_name);
  if (model_path.empty() || !registry::is_there(file)) return settings;
  constexpr const char* doing = "read the model's settings";
  const nlohmann::json index = registry::parse_json(registry::read_text(file, largest_config), doing, file);
  for (const configs::Field& field : configs::family_pipeline_fields()) {
    const auto said = index.is_object() && !field.in_index.empty() ? index.find(field.in_index) : index.end();
    if (said == index.end() || said->is_null()) continue;
    std::optional<configs::FieldValue> value = configs::field_value(field, *said);
    if (!value) {
      throw Error{Category::bad_input, doing, Where{.file = file, .key = field.in_index},
                  Expected{configs::expected_of(field)}, Got{word_of_field(*said)}};
    }
    configs::keep(settings, field, *std::move(value));
  }
  return settings;
}

}  // namespace ditmill::jobs::plan
