#include "jobs/engine/authority/orders.h"

#include <nlohmann/json.hpp>

#include "configs/dump.h"

namespace ditmill::jobs::engine {

nlohmann::json to_json(const Orders& orders) {
  nlohmann::json json{{"pipeline", configs::dump_layer2(orders.pipeline)},
                      {"threads", orders.threads},
                      {"status_folder", orders.status_folder}};
  if (orders.noop_seconds) json["noop_seconds"] = *orders.noop_seconds;
  if (orders.seconds_left) json["seconds_left"] = *orders.seconds_left;
  if (orders.load) json["load"] = to_json(*orders.load);
  return json;
}

Orders orders_from_json(const nlohmann::json& json) {
  Orders orders{.pipeline = configs::pipeline_from_dump(json.at("pipeline")),
                .threads = json.at("threads").get<int>(),
                .status_folder = json.at("status_folder").get<std::string>()};
  if (json.contains("noop_seconds")) orders.noop_seconds = json.at("noop_seconds").get<double>();
  if (json.contains("seconds_left")) orders.seconds_left = json.at("seconds_left").get<double>();
  if (json.contains("load")) orders.load = load_plan_from_json(json.at("load"));
  return orders;
}

}  // namespace ditmill::jobs::engine
