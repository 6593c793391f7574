#include "jobs/cli/results/show.h"

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/results/store/part_reader.h"
#include "jobs/run/verify/cures.h"

namespace ditmill::jobs::cli {
namespace {

using nlohmann::json;

json attribute_value(const std::string& name, const results::h5::Value& value) {
  json plain = std::visit([](const auto& held) { return json(held); }, value);
  if (!name.ends_with("_json") || !plain.is_string()) return plain;
  json parsed = json::parse(plain.get<std::string>(), nullptr, false);
  return parsed.is_discarded() ? plain : parsed;
}

json to_json(const results::ListedItem& item) {
  return {{"id", item.id},
          {"key", item.key},
          {"state", name(item.outcome)},
          {"attempts", item.attempts},
          {"reason", item.reason.empty() ? json() : json(item.reason)},
          {"part", nullptr},
          {"content", nullptr},
          {"datasets", nullptr},
          {"attributes", nullptr}};
}

void add_stored(json& shown, const results::ListedItem& item, const results::PartReader& part) {
  shown["part"] = item.part;
  shown["content"] = item.content;
  shown["datasets"] = json::object();
  for (const std::string& output : part.datasets(item.stored)) {
    shown["datasets"][output] = part.shape(item.stored, output).value();
  }
  shown["attributes"] = json::object();
  for (const auto& [name, value] : part.attributes(item.stored)) {
    shown["attributes"][name] = attribute_value(name, value);
  }
}

std::string line(const std::string& name, const json& value) {
  const auto replace = json::error_handler_t::replace;
  if (value.is_string()) return name + ": " + printable(value.get<std::string>(), 10'000) + "\n";
  return name + ": " + value.dump(value.is_object() ? 2 : -1, ' ', false, replace) + "\n";
}

std::string to_text(const json& shown) {
  std::string text;
  for (const char* name : {"id", "key", "state", "attempts", "reason", "part", "content"}) {
    if (!shown.at(name).is_null()) text += line(name, shown.at(name));
  }
  if (shown.at("attributes").is_null()) return text;
  for (const auto& [name, shape] : shown.at("datasets").items()) text += line(name + " shape", shape);
  // Objects are long: they come last.
  for (const bool objects : {false, true}) {
    for (const auto& [name, value] : shown.at("attributes").items()) {
      if (value.is_object() == objects) text += line(name, value);
    }
  }
  return text;
}

}  // namespace

results::ResultsOutput results_show(const std::string& run_directory, const std::string& id, bool as_json) {
  const results::ResultsRun run(run_directory);
  const results::ListedItem& item = run.item(id);
  json shown = to_json(item);
  try {
    if (item.outcome == results::ItemOutcome::done)
      add_stored(shown, item, results::PartReader(run.part_of(item)));
  } catch (const Error& error) {
    run::rethrow_with_cure(error, run.directory());
  }
  const auto replace = json::error_handler_t::replace;
  return {.text = as_json ? shown.dump(2, ' ', false, replace) + "\n" : to_text(shown), .notes = run.notes()};
}

}  // namespace ditmill::jobs::cli
