#include "jobs/requests/items/item.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/component_name.h"
#include "configs/declared_fields.h"
#include "configs/dump.h"
#include "configs/error.h"
#include "jobs/requests/text/json_line.h"
#include "registry/digest.h"

namespace ditmill::jobs::requests {
namespace {

[[noreturn]] void refuse(std::string_view field, std::string expected, const nlohmann::json& got) {
  throw Error{Category::bad_input,
              "read a request's field " + std::string(field),
              {},
              Expected{std::move(expected)},
              Got{printable(got.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 80)}};
}

/// What a list that holds items packed would hold of a request; `more` keeps the family's fields.
PackedRequest packed(const configs::Request& request, std::string& more) {
  more = packed_fields(request.more);
  return {.id = request.id,
          .prompt = request.prompt,
          .negative_prompt = request.negative_prompt,
          .seed = request.seed,
          .width = request.width,
          .height = request.height,
          .frames = request.frames,
          .fps = request.fps,
          .more = more};
}

/// Of a packed file, what its key holds: the digest, whatever it is called.
std::string digest_json(std::string_view file) {
  std::vector<JsonField> fields;
  parse_json_line(file, fields);
  const auto sha256 = std::ranges::find(fields, "sha256", &JsonField::key);
  return sha256 == fields.end() ? std::string{} : std::string{sha256->raw};
}

configs::FieldValue value_from(const nlohmann::json& value, const configs::Field& field) {
  std::optional<configs::FieldValue> read = configs::field_value(field, value);
  if (!read) refuse(field.name, configs::expected_of(field), value);
  return *std::move(read);
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
  if (pipeline.numerics != configs::Numerics::reference)
    identity["numerics"] = configs::name(pipeline.numerics);
  for (const configs::Field& field : configs::family_pipeline_fields()) {
    const auto given = pipeline.more.find(field.name);
    if (field.in_key && given != pipeline.more.end()) identity[field.name] = configs::to_json(given->second);
  }
  return identity;
}

nlohmann::json request_identity(const configs::Request& request) {
  nlohmann::json identity = configs::dump_layer3(request);
  for (const auto& fields : {configs::common_request_fields(), configs::family_request_fields()}) {
    for (const configs::Field& field : fields) {
      const auto found = identity.find(field.name);
      if (found == identity.end()) continue;
      if (field.kind == configs::FieldKind::picture) *found = nlohmann::json(found->at("sha256"));
      if (!field.in_key) identity.erase(field.name);
    }
  }
  return identity;
}

std::string item_key(const nlohmann::json& job_identity, const configs::Request& request) {
  std::string more;
  return registry::hex(ItemKeys{job_identity}.of(packed(request, more)));
}

std::string packed_fields(const configs::FieldValues& more) {
  if (more.empty()) return {};
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, value] : more) json[name] = configs::to_json(value);
  return json.dump();
}

configs::FieldValues unpacked_fields(std::string_view more) {
  configs::FieldValues values;
  if (more.empty()) return values;
  const nlohmann::json fields = nlohmann::json::parse(more);
  for (const auto& [name, value] : fields.items()) {
    const configs::Field* field = configs::field_named(configs::family_request_fields(), name);
    if (field == nullptr) refuse(name, "a field of a model's requests", value);
    configs::keep(values, *field, value_from(value, *field));
  }
  return values;
}

std::string inputs_json(const configs::FieldValues& more) {
  nlohmann::json inputs;
  for (const auto& [field, value] : more) {
    if (const auto* file = std::get_if<configs::FileValue>(&value)) inputs[field] = *file;
  }
  return inputs.is_null() ? std::string{} : inputs.dump();
}

ItemKeys::ItemKeys(const nlohmann::json& job_identity) : begun_(registry::Hasher::Kind::sha256) {
  std::map<std::string_view, Piece> fields;
  std::size_t member = 0;
  for (const auto& declared : {configs::common_request_fields(), configs::family_request_fields()}) {
    for (const configs::Field& field : declared) {
      if (field.in_key) fields[field.name] = {.before = {}, .field = &field, .member = member};
      ++member;
    }
  }
  auto next = fields.begin();
  std::string before;
  const auto finish_pieces = [&](std::string_view up_to) {
    for (; next != fields.end() && (up_to.empty() || next->first < up_to); ++next) {
      next->second.before = std::exchange(before, {});
      pieces_.push_back(std::move(next->second));
    }
  };
  for (const auto& [key, value] : job_identity.items()) {
    if (fields.contains(key)) continue;
    finish_pieces(key);
    before += ',';
    append_json_string(before, key);
    before += ':' + value.dump();
  }
  finish_pieces({});
  end_ = before + "}";
  // The job's own part up to the first field is hashed once; the comma in front of all is none.
  const std::string first = std::exchange(pieces_.front().before, {});
  begun_.add("{" + first.substr(first.empty() ? 0 : 1));
  comma_ = !first.empty();
}

ItemKey ItemKeys::of(const PackedRequest& request) {
  std::array<std::string, 16> values;
  std::size_t members = 0;
  configs::visit_fields(request, [&](const configs::Field& field, const auto& value) {
    if (field.in_key) append_json(values.at(members), value);
    ++members;
  });
  std::vector<JsonField> more;
  if (!request.more.empty()) parse_json_line(request.more, more);
  text_.clear();
  const auto add = [this](const Piece& piece, std::string_view value) {
    text_ += ',';
    append_json_string(text_, piece.field->name);
    text_ += ':';
    text_ += value;
  };
  for (const Piece& piece : pieces_) {
    text_ += piece.before;
    if (piece.member < members) {
      add(piece, values.at(piece.member));
    } else if (const auto given = std::ranges::find(more, piece.field->name, &JsonField::key);
               given != more.end()) {
      add(piece, piece.field->kind == configs::FieldKind::picture ? digest_json(given->raw)
                                                                  : std::string{given->raw});
    }
  }
  text_ += end_;
  registry::Hasher hasher = begun_.fork();
  hasher.add(std::string_view{text_}.substr(comma_ ? 0 : 1));
  const std::vector<std::uint8_t> digest = hasher.finish();
  ItemKey key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

configs::Request request_from_json(const nlohmann::json& json) {
  if (!json.is_object()) refuse("*", "an object", json);
  configs::Request request;
  nlohmann::json more = json;
  configs::visit_fields(request, [&](const configs::Field& field, auto& member) {
    const auto found = more.find(field.name);
    if (found == more.end()) refuse(field.name, "a value", nullptr);
    configs::assign(member, value_from(*found, field));
    more.erase(found);
  });
  request.more = unpacked_fields(more.dump());
  return request;
}

}  // namespace ditmill::jobs::requests
