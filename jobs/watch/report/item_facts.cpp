#include "jobs/watch/report/item_facts.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <variant>

namespace ditmill::jobs::watch {
namespace {

using nlohmann::json;

const results::h5::Value* find(const results::h5::Attributes& attributes, std::string_view name) {
  for (const auto& [found, value] : attributes) {
    if (found == name) return &value;
  }
  return nullptr;
}

template <typename T>
T value_of(const results::h5::Attributes& attributes, std::string_view name) {
  const results::h5::Value* value = find(attributes, name);
  const T* held = value == nullptr ? nullptr : std::get_if<T>(value);
  return held == nullptr ? T{} : *held;
}

json listed_facts(std::size_t number, const results::ListedItem& item) {
  return {{"n", number},
          {"id", item.id},
          {"width", item.width},
          {"height", item.height},
          {"frames", item.frames},
          {"attempt", item.attempts},
          {"part", item.part},
          {"content", item.content},
          {"prompt", ""},
          {"negative_prompt", ""},
          {"seed", ""},
          {"fps", 0},
          {"stages", json::array()},
          {"seconds", item.seconds},
          {"config", nullptr}};
}

}  // namespace

StageSeconds stage_seconds(const results::h5::Attributes& attributes) {
  return {.text = value_of<double>(attributes, "seconds_text"),
          .denoise = value_of<double>(attributes, "seconds_denoise"),
          .decode = value_of<double>(attributes, "seconds_decode"),
          .store = value_of<double>(attributes, "seconds_store")};
}

json& ItemFacts::add(std::size_t number, const results::ListedItem& item,
                     const results::h5::Attributes& attributes) {
  const StageSeconds seconds = stage_seconds(attributes);
  json facts = listed_facts(number, item);
  facts["prompt"] = value_of<std::string>(attributes, "prompt");
  facts["negative_prompt"] = value_of<std::string>(attributes, "negative_prompt");
  // As text: JavaScript's numbers hold 53 bits.
  facts["seed"] = std::to_string(value_of<std::int64_t>(attributes, "seed"));
  facts["fps"] = value_of<double>(attributes, "fps");
  facts["attempt"] = value_of<std::int64_t>(attributes, "attempt");
  facts["started"] = value_of<std::string>(attributes, "started");
  facts["metadata"] = value_of<std::string>(attributes, "metadata_json");
  facts["stages"] = {seconds.text, seconds.denoise, seconds.decode, seconds.store};
  facts["seconds"] = seconds.total();
  facts["config"] = config_number(value_of<std::string>(attributes, "config_json"));
  return items_.emplace_back(std::move(facts));
}

void ItemFacts::add_unreadable(std::size_t number, const results::ListedItem& item, const std::string& why) {
  json facts = listed_facts(number, item);
  facts["note"] = why;
  items_.push_back(std::move(facts));
}

json ItemFacts::take() {
  json block{{"items", std::move(items_)}, {"configs", std::move(new_configs_)}};
  items_ = json::array();
  new_configs_ = json::array();
  return block;
}

/// The number of the configuration, less layer 3, which is the item's own; null if there is none.
json ItemFacts::config_number(const std::string& config_json) {
  json config = json::parse(config_json, nullptr, false);
  if (!config.is_object()) return nullptr;
  config.erase("layer3_request");
  const auto [found, is_new] = configs_.try_emplace(config.dump(), configs_.size());
  if (is_new) new_configs_.push_back(std::move(config));
  return found->second;
}

}  // namespace ditmill::jobs::watch
