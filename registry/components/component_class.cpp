#include "registry/components/component_class.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "registry/tools/model_files.h"

namespace ditmill::registry {
namespace {

std::string text_in(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// The classes that a configuration names: of diffusers one, of transformers perhaps several.
std::vector<std::string> config_classes(const nlohmann::json& config) {
  std::vector<std::string> classes;
  for (const char* key : {"_class_name", "image_processor_type", "feature_extractor_type", "processor_class",
                          "tokenizer_class"}) {
    if (std::string name = text_in(config, key); !name.empty() && classes.empty())
      classes.push_back(std::move(name));
  }
  const auto architectures = config.find("architectures");
  if (architectures == config.end() || !architectures->is_array()) return classes;
  for (const nlohmann::json& each : *architectures) {
    if (each.is_string()) classes.push_back(each.get<std::string>());
  }
  return classes;
}

/// transformers has a class in Python and a fast one for some tokenizers and processors.
std::string_view without_fast(std::string_view name) {
  constexpr std::string_view fast = "Fast";
  if (name.ends_with(fast)) name.remove_suffix(fast.size());
  return name;
}

// Files of a fast tokenizer say what it is, whatever its class.
constexpr std::string_view any_tokenizer = "PreTrainedTokenizerFast";

/// What slots of the catalog take for an architecture, and whether any slot takes a class.
struct KnownClasses {
  std::set<std::string, std::less<>> of_architecture;
  bool of_another = false;
};

KnownClasses known_classes(const Catalog& catalog, std::string_view architecture, std::string_view name) {
  KnownClasses known;
  for (const FamilySlots& family : catalog.families()) {
    for (const Slot& slot : family.slots) {
      for (const Accepted& accepted : slot.accepts) {
        if (accepted.in_index.size() != 2) continue;
        if (accepted.architecture == architecture) {
          known.of_architecture.insert(accepted.in_index[1]);
        } else if (accepted.in_index[1] == name) {
          known.of_another = true;
        }
      }
    }
  }
  return known;
}

}  // namespace

void check_library(LoadedComponent& one) {
  if (one.library.empty() || takes_library(*one.type, one.library)) return;
  one.say(Severity::error, fmt::format("its library is {}, and a {} is of {}", printable(one.library, 60),
                                       one.type->loader, fmt::join(one.type->library, " or ")));
}

void check_config_class(LoadedComponent& one) {
  const std::vector<std::string> own = config_classes(one.component.config);
  if (own.empty()) return;
  if (one.class_name.empty()) {
    one.class_name = own.front();
    return;
  }
  const auto same = [&](const std::string& each) {
    if (each == any_tokenizer) return true;
    return without_fast(each) == without_fast(one.class_name);
  };
  if (std::ranges::any_of(own, same)) return;
  one.say(Severity::warning, "the index says the class " + printable(one.class_name, 60) + ", its " +
                                 one.component.config_path.substr(one.component.config_path.rfind('/') + 1) +
                                 " says " + printable(own.front(), 60));
}

void settle_class(LoadedComponent& one, const Catalog& catalog) {
  if (!one.class_name.empty() || one.component.identity.architecture.empty()) return;
  const KnownClasses known = known_classes(catalog, one.component.identity.architecture, "");
  if (!known.of_architecture.empty()) one.class_name = *known.of_architecture.begin();
}

void check_architecture_class(LoadedComponent& one, const Layout* layout, const Catalog& catalog) {
  const std::string architecture =
      layout != nullptr ? layout->architecture : one.component.identity.architecture;
  if (architecture.empty() || one.library.empty()) return;
  KnownClasses known = known_classes(catalog, architecture, one.class_name);
  if (layout != nullptr) {
    const nlohmann::json config = component_config(*layout, one.component.identity.hyper_parameters);
    if (std::string more = text_in(config.is_object() ? config : nlohmann::json::object(), "_class_name");
        !more.empty())
      known.of_architecture.insert(std::move(more));
  }
  if (known.of_architecture.empty() || known.of_architecture.contains(one.class_name)) return;
  one.say(known.of_another ? Severity::error : Severity::warning,
          fmt::format("the weights are those of {}, and the index says {}",
                      fmt::join(known.of_architecture, " or "), printable(one.class_name, 60)));
}

}  // namespace ditmill::registry
