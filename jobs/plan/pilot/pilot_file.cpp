#include "jobs/plan/pilot/pilot_file.h"

#include <nlohmann/json.hpp>

#include "configs/dump.h"
#include "configs/error.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::plan {
namespace {

using nlohmann::json;

constexpr int schema = 1;

json to_json(const Spread& spread) {
  return {{"p10", spread.p10}, {"median", spread.median}, {"p90", spread.p90}};
}

Spread spread_from_json(const json& json) {
  return {.p10 = json.at("p10").get<double>(),
          .median = json.at("median").get<double>(),
          .p90 = json.at("p90").get<double>()};
}

json to_json(const SizeClass& size) {
  return {{"width", size.width},
          {"height", size.height},
          {"frames", size.frames},
          {"items", size.items},
          {"seconds", to_json(size.seconds)},
          {"seconds_text", to_json(size.text)},
          {"seconds_denoise", to_json(size.denoise)},
          {"seconds_decode", to_json(size.decode)},
          {"seconds_store", to_json(size.store)},
          {"bytes", size.bytes}};
}

SizeClass class_from_json(const json& json) {
  return {.width = json.at("width").get<int>(),
          .height = json.at("height").get<int>(),
          .frames = json.at("frames").get<int>(),
          .items = json.at("items").get<std::size_t>(),
          .seconds = spread_from_json(json.at("seconds")),
          .text = spread_from_json(json.at("seconds_text")),
          .denoise = spread_from_json(json.at("seconds_denoise")),
          .decode = spread_from_json(json.at("seconds_decode")),
          .store = spread_from_json(json.at("seconds_store")),
          .bytes = json.at("bytes").get<double>()};
}

Pilot pilot_from_json(const json& json) {
  Pilot pilot{.epoch = json.at("epoch").get<int>(),
              .layer2 = configs::with_component_names(json.at("layer2_inference_config")),
              .model = json.at("model").get<std::string>(),
              .startup_seconds = json.at("startup_seconds").get<double>(),
              .text_stage_seconds = json.at("text_stage_seconds").get<double>(),
              .texts = json.at("texts").get<std::size_t>(),
              .pause_seconds = json.at("pause_seconds").get<double>(),
              .items = json.at("items").get<std::vector<std::string>>()};
  const nlohmann::json& layout = json.at("layout");
  pilot.layout = {.degrees = configs::pipeline_from_dump(pilot.layer2).parallel,
                  .ranks = layout.at("ranks").get<int>(),
                  .ranks_per_machine = layout.at("ranks_per_machine").get<int>(),
                  .threads = layout.at("threads").get<int>(),
                  .device = layout.at("device").get<std::string>(),
                  .device_name = layout.at("device_name").get<std::string>()};
  pilot.layout.degrees.dp = layout.at("groups").get<int>();
  for (const nlohmann::json& size : json.at("classes")) pilot.classes.push_back(class_from_json(size));
  if (pilot.classes.empty() || pilot.layout.ranks < 1)
    throw json::other_error::create(501, "no items", &json);
  return pilot;
}

}  // namespace

json to_json(const Pilot& pilot) {
  json classes = json::array();
  for (const SizeClass& size : pilot.classes) classes.push_back(to_json(size));
  const PilotLayout& layout = pilot.layout;
  return {{"schema", schema},
          {"epoch", pilot.epoch},
          {"layout",
           {{"ranks", layout.ranks},
            {"groups", layout.groups()},
            {"ranks_per_machine", layout.ranks_per_machine},
            {"threads", layout.threads},
            {"device", layout.device},
            {"device_name", layout.device_name}}},
          {"model", pilot.model},
          {"layer2_inference_config", pilot.layer2},
          {"startup_seconds", pilot.startup_seconds},
          {"text_stage_seconds", pilot.text_stage_seconds},
          {"texts", pilot.texts},
          {"pause_seconds", pilot.pause_seconds},
          {"classes", std::move(classes)},
          {"items", pilot.items}};
}

void write_pilot_file(const results::RunDirectory& run, const Pilot& pilot) {
  results::durable::write_file(run.pilot(), to_json(pilot).dump(2) + "\n");
}

std::optional<Pilot> read_pilot_file(const results::RunDirectory& run) {
  std::string text;
  try {
    text = results::durable::read_file(run.pilot());
  } catch (const Error& error) {
    if (error.category() == Category::not_found) return std::nullopt;
    throw;
  }
  std::string why;
  try {
    return pilot_from_json(json::parse(text));
  } catch (const json::exception& error) {
    why = error.what();
  } catch (const Error& error) {
    why = error.what();
  }
  throw Error{
      Category::bad_input,        "read a pilot's measurements",
      Where{.file = run.pilot()}, Expected{"what `run --pilot` writes"},
      Got{printable(why)},        "remove the file and pilot again, or let --pilot RUN measure another run"};
}

}  // namespace ditmill::jobs::plan
