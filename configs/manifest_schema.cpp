#include "configs/manifest_schema.h"

#include <nlohmann/json.hpp>
#include <span>

#include "configs/declared_fields.h"
#include "configs/embedded.h"
#include "configs/preset.h"

namespace ditmill::configs {
namespace {

nlohmann::json schema_of(const Field& field) {
  nlohmann::json schema = nlohmann::json::object();
  switch (field.kind) {
    case FieldKind::text:
      // YAML writes texts without quotes: a number is one, too.
      schema["type"] = {"string", "number", "boolean"};
      break;
    case FieldKind::picture:
      schema = {{"type", {"string", "object"}},
                {"minLength", 1},
                {"required", {"path", "sha256"}},
                {"properties", {{"path", {{"type", "string"}}}, {"sha256", {{"pattern", "^[0-9a-f]{64}$"}}}}},
                {"additionalProperties", false}};
      break;
    case FieldKind::word:
      schema["enum"] = field.words;
      break;
    case FieldKind::whole:
      schema = {{"type", "integer"}, {"minimum", field.whole.least}, {"maximum", field.whole.most}};
      break;
    case FieldKind::real:
      schema = {{"type", "number"}, {"maximum", field.real.most}};
      schema[field.real.least == above_zero ? "exclusiveMinimum" : "minimum"] =
          field.real.least == above_zero ? 0 : field.real.least;
      break;
  }
  if (field.name == "seed") schema = {{"oneOf", {schema, {{"const", "auto"}}}}};
  if (field.name == "id") schema = {{"$ref", "#/definitions/id"}};
  schema["description"] = field.says;
  if (field.usual) schema["default"] = to_json(*field.usual);
  return schema;
}

}  // namespace

nlohmann::json manifest_schema() {
  nlohmann::json schema = nlohmann::json::parse(embedded::manifest_schema().front().text);
  nlohmann::json& sections = schema.at("properties");
  nlohmann::json& pipeline = sections.at("pipeline").at("properties");
  for (const auto& fields : {common_pipeline_fields(), family_pipeline_fields()}) {
    for (const Field& field : fields) pipeline[field.name] = schema_of(field);
  }
  pipeline.at("preset")["enum"] = preset_names();
  nlohmann::json& output = sections.at("output").at("properties");
  for (const Output& each : family_outputs()) {
    output[each.name] = {{"type", "boolean"}, {"description", each.says}};
  }
  nlohmann::json& requests = sections.at("requests").at("properties");
  nlohmann::json& item = requests.at("items").at("items").at("properties");
  for (const auto& fields : {common_request_fields(), family_request_fields()}) {
    for (const Field& field : fields) {
      const nlohmann::json of_field = schema_of(field);
      item[field.name] = of_field;
      if (field.name != "prompt") item[field.name] = {{"anyOf", {of_field, {{"type", "null"}}}}};
      if (field.name != "id" && field.name != "prompt") {
        requests.at("defaults").at("properties")[field.name] = of_field;
      }
      if (field.may_vary) {
        requests.at("matrix").at("properties")[field.name] = {
            {"type", "array"}, {"minItems", 1}, {"items", of_field}};
      }
    }
  }
  return schema;
}

}  // namespace ditmill::configs
