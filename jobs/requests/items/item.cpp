#include "jobs/requests/items/item.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "configs/component_name.h"
#include "configs/error.h"
#include "jobs/requests/text/json_line.h"
#include "registry/digest.h"

namespace ditmill::jobs::requests {
namespace {

/// Those of request_identity(), sorted.
constexpr std::array<std::string_view, 6> request_fields{"frames", "height", "negative_prompt",
                                                         "prompt", "seed",   "width"};

[[noreturn]] void refuse(std::string_view field, std::string expected, const nlohmann::json& got) {
  throw Error{Category::bad_input,
              "read a request's field " + std::string(field),
              {},
              Expected{std::move(expected)},
              Got{printable(got.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 80)}};
}

const nlohmann::json& field(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end()) refuse(name, "a value", nullptr);
  return *found;
}

std::string text(const nlohmann::json& json, const char* name) {
  const nlohmann::json& value = field(json, name);
  if (!value.is_string()) refuse(name, "a string", value);
  return value.get<std::string>();
}

template <typename T>
T whole(const nlohmann::json& json, const char* name) {
  const nlohmann::json& value = field(json, name);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  const bool negative =
      value.is_number_integer() && !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
  if (!value.is_number_integer() || negative || value.get<std::uint64_t>() > most) {
    refuse(name, "a whole number from 0 to " + std::to_string(most), value);
  }
  return value.get<T>();
}

nlohmann::json tile_identity(const configs::VaeTiling& tiling) {
  return {{"height", tiling.height},
          {"width", tiling.width},
          {"stride_height", tiling.stride_height},
          {"stride_width", tiling.stride_width}};
}

}  // namespace

nlohmann::json job_identity(const std::vector<ComponentIdentity>& components,
                            const configs::PipelineConfig& pipeline) {
  nlohmann::json identity{{"schema", 1},
                          {"components", nlohmann::json::object()},
                          {"solver", configs::name(pipeline.solver)},
                          {"steps", pipeline.steps},
                          {"guidance_scale", pipeline.guidance_scale},
                          {"flow_shift", pipeline.flow_shift},
                          {"dtype", nlohmann::json::object()},
                          {"attention", nlohmann::json::object()},
                          {"lora", nlohmann::json::array()}};
  const auto hashed = [](std::string_view name) { return std::string{configs::hashed_name(name)}; };
  for (const ComponentIdentity& component : components) {
    identity["components"][hashed(component.name)] = {{"key_hash", component.key_hash},
                                                      {"digest", component.digest}};
  }
  for (const auto& [name, component] : pipeline.components) {
    identity["dtype"][hashed(name)] = configs::name(component.dtype);
    identity["attention"][hashed(name)] = component.attention;
    // Only where it is on: the keys of jobs without it are those of versions that had none.
    if (component.tiling) identity["tiling"][hashed(name)] = tile_identity(*component.tiling);
  }
  return identity;
}

nlohmann::json request_identity(const configs::Request& request) {
  return {{"prompt", request.prompt}, {"negative_prompt", request.negative_prompt},
          {"seed", request.seed},     {"width", request.width},
          {"height", request.height}, {"frames", request.frames}};
}

std::string item_key(const nlohmann::json& job_identity, const configs::Request& request) {
  return registry::hex(ItemKeys{job_identity}.of({.prompt = request.prompt,
                                                  .negative_prompt = request.negative_prompt,
                                                  .seed = request.seed,
                                                  .width = request.width,
                                                  .height = request.height,
                                                  .frames = request.frames}));
}

ItemKeys::ItemKeys(const nlohmann::json& job_identity) : begun_(registry::Hasher::Kind::sha256) {
  nlohmann::json identity = job_identity;
  identity.update(request_identity({}));
  std::string text = "{";
  std::size_t fields = 0;
  for (const auto& [key, value] : identity.items()) {
    if (text != "{" || fields > 0) text += ',';
    append_json_string(text, key);
    text += ':';
    if (fields < request_fields.size() && key == request_fields[fields]) {
      if (fields == 0) {
        begun_.add(text);
      } else {
        between_[fields - 1] = text;
      }
      ++fields;
      text.clear();
    } else {
      text += value.dump();
    }
  }
  between_.back() = text + "}";
}

ItemKey ItemKeys::of(const RequestIdentity& request) {
  text_.clear();
  const auto number = [this](std::int64_t value, std::size_t field) {
    std::array<char, 20> digits;
    text_.append(digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr);
    text_ += between_[field];
  };
  const auto text = [this](std::string_view value, std::size_t field) {
    append_json_string(text_, value);
    text_ += between_[field];
  };
  number(request.frames, 0);
  number(request.height, 1);
  text(request.negative_prompt, 2);
  text(request.prompt, 3);
  number(request.seed, 4);
  number(request.width, 5);
  registry::Hasher hasher = begun_.fork();
  hasher.add(text_);
  const std::vector<std::uint8_t> digest = hasher.finish();
  ItemKey key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

nlohmann::json to_json(const configs::Request& request) {
  nlohmann::json json = request_identity(request);
  json["id"] = request.id;
  json["fps"] = request.fps;
  return json;
}

configs::Request request_from_json(const nlohmann::json& json) {
  if (!json.is_object()) refuse("*", "an object", json);
  const nlohmann::json& fps = field(json, "fps");
  if (!fps.is_number()) refuse("fps", "a number", fps);
  return {.id = text(json, "id"),
          .prompt = text(json, "prompt"),
          .negative_prompt = text(json, "negative_prompt"),
          .seed = whole<std::int64_t>(json, "seed"),
          .width = whole<int>(json, "width"),
          .height = whole<int>(json, "height"),
          .frames = whole<int>(json, "frames"),
          .fps = fps.get<double>()};
}

}  // namespace ditmill::jobs::requests
