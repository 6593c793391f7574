#include "models/family.h"

#include "configs/declared_fields.h"
#include "configs/list_text.h"

namespace ditmill::models {

const Family& family_named(std::string_view name) {
  std::string names;
  for (const Family* family : families()) {
    if (family->name() == name) return *family;
    extend_list(names, family->name());
  }
  throw Error{Category::unsupported,
              "find the model's family",
              {},
              Expected{"one of: " + names},
              Got{printable(name, 80)}};
}

std::set<std::string, std::less<>> Family::lacking(const HyperParameters& all, Layer layer) const {
  const bool of_pipeline = layer == Layer::pipeline;
  std::set<std::string, std::less<>> fields;
  for (const configs::Field& field :
       of_pipeline ? configs::family_pipeline_fields() : configs::family_request_fields()) {
    fields.insert(field.name);
  }
  for (const configs::FamilyFields& declared : configs::family_fields()) {
    if (declared.family != name()) continue;
    for (const configs::Field& field : of_pipeline ? declared.pipeline : declared.request) {
      if (takes(all, field.name)) fields.erase(field.name);
    }
  }
  return fields;
}

std::set<std::string, std::less<>> Family::lacking_outputs() const {
  std::set<std::string, std::less<>> outputs;
  for (const configs::Output& output : configs::family_outputs()) outputs.insert(output.name);
  for (const configs::FamilyFields& declared : configs::family_fields()) {
    if (declared.family != name()) continue;
    for (const configs::Output& output : declared.outputs) outputs.erase(output.name);
  }
  return outputs;
}

}  // namespace ditmill::models
