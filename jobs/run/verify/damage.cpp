#include "jobs/run/verify/damage.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/list_text.h"

namespace ditmill::jobs::run {
namespace {

constexpr std::size_t max_ids_named = 5;

}  // namespace

nlohmann::json to_json(const Damage& damage) {
  return {{"file", damage.file},
          {"items", damage.items},
          {"dataset", damage.dataset.empty() ? nlohmann::json() : nlohmann::json(damage.dataset)},
          {"what", damage.what}};
}

Damage damage_from_json(const nlohmann::json& json) {
  const nlohmann::json& dataset = json.at("dataset");
  return {.file = json.at("file"),
          .items = json.at("items"),
          .dataset = dataset.is_null() ? std::string{} : dataset.get<std::string>(),
          .what = json.at("what")};
}

std::string describe(const Damage& damage) {
  std::string text = printable(damage.file);
  if (!damage.items.empty())
    text += (damage.items.size() == 1 ? ", item " : ", items ") + some_of(damage.items);
  if (!damage.dataset.empty()) text += ", dataset " + damage.dataset;
  return text + ": " + damage.what;
}

std::string some_of(const std::vector<std::string>& ids) {
  return ditmill::some_of(ids, max_ids_named, [](const std::string& id) { return printable(id); });
}

}  // namespace ditmill::jobs::run
