#include "jobs/plan/bind/load_for_job.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "configs/preset.h"
#include "jobs/plan/bind/scheduler_settings.h"
#include "models/tokenizers/read_tokenizer.h"
#include "registry/components/load_model.h"
#include "registry/identity/folder_names.h"

namespace ditmill::jobs::plan {
namespace {

using registry::LoadedComponent;
using registry::Severity;

/// Whether ditmill should read a component's tokenizer, by its class: one of the T5 family, or one that does
/// not tell.
bool is_our_tokenizer(const LoadedComponent& one) {
  return one.class_name.empty() || one.class_name == "PreTrainedTokenizerFast" ||
         one.class_name.find("T5") != std::string::npos;
}

void open_tokenizer(LoadedComponent& one) {
  for (const std::string& file : one.tokenizer_files) {
    try {
      const std::unique_ptr<const models::Tokenizer> tokenizer = models::read_tokenizer(file);
      one.say(Severity::note, file + " opens: " + std::to_string(tokenizer->vocabulary()) + " tokens");
    } catch (const Error& error) {
      if (error.category() == Category::unsupported || !is_our_tokenizer(one)) {
        one.say(Severity::warning, std::string{"ditmill has no such tokenizer: "} + error.what());
      } else {
        one.cannot_read(error);
      }
    }
  }
  if (one.tokenizer_files.empty() && one.verdict() != Severity::error)
    one.say(Severity::warning,
            "ditmill has no such tokenizer: no spiece.model and no tokenizer.json is in it");
}

void compare_scheduler(LoadedComponent& scheduler, const LoadedComponent* transformer) {
  if (scheduler.verdict() == Severity::error || scheduler.component.config_path.empty()) return;
  const std::string preset = transformer == nullptr ? std::string{} : transformer->component.identity.preset;
  if (preset.empty()) {
    scheduler.say(Severity::note, "not set beside a preset: none is known for these weights");
    return;
  }
  try {
    const configs::Preset taken = configs::preset_named(preset);
    for (std::string& each : scheduler_differences(scheduler.component.config, taken.pipeline, &taken))
      scheduler.say(Severity::warning, std::move(each));
  } catch (const Error& error) {
    scheduler.say(Severity::warning, error.what());
  }
}

}  // namespace

registry::LoadReport load_for_job(const std::string& path, const registry::Catalog& catalog, bool read) {
  registry::LoadReport report = registry::load_model(path, catalog, read);
  for (LoadedComponent& one : report.components) {
    if (one.type->needs == registry::Needs::files && registry::is_there(one.path)) open_tokenizer(one);
  }
  if (LoadedComponent* scheduler = report.find("scheduler"); scheduler != nullptr)
    compare_scheduler(*scheduler, report.find("transformer"));
  return report;
}

}  // namespace ditmill::jobs::plan
