#include "jobs/cli/weights_as_diffusers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/list_text.h"
#include "jobs/cli/json_text.h"
#include "registry/identity/diffusers/as_diffusers.h"

namespace ditmill::jobs::cli {
namespace {

using registry::DiffusersAnswer;
using registry::DiffusersType;

constexpr std::size_t path_shown = 400;

/// A field of the types, where they agree.
std::string_view common(const DiffusersAnswer& answer, std::string_view DiffusersType::*field) {
  const std::string_view first = answer.types.front()->*field;
  const bool same =
      std::ranges::all_of(answer.types, [&](const DiffusersType* type) { return type->*field == first; });
  return same ? first : std::string_view{};
}

nlohmann::json answer_json(const DiffusersAnswer& answer) {
  if (answer.error) return unread_json(answer.path, *answer.error);
  nlohmann::json components = nlohmann::json::object();
  for (const registry::DiffusersPart& part : answer.types.front()->parts)
    components[std::string{part.name}] = part.subfolder;
  nlohmann::json object{{"path", answer.path},
                        {"type", or_null(common(answer, &DiffusersType::name))},
                        {"repo", or_null(common(answer, &DiffusersType::repo))},
                        {"subfolder", or_null(common(answer, &DiffusersType::subfolder))},
                        {"pipeline", or_null(common(answer, &DiffusersType::pipeline))},
                        {"components", components}};
  if (answer.types.size() > 1) {
    for (const DiffusersType* type : answer.types) object["candidates"].push_back(type->name);
  }
  return object;
}

void print_answer(const DiffusersAnswer& answer, std::ostream& out) {
  out << printable(answer.path, path_shown) << "\n";
  if (answer.error) {
    out << "  no answer: " << answer.error->what() << "\n";
    return;
  }
  for (const DiffusersType* type : answer.types) {
    out << "  " << type->name << ": " << type->repo << (type->subfolder.empty() ? "" : "/") << type->subfolder
        << (type->pipeline.empty() ? "" : ", ") << type->pipeline << "\n";
  }
  if (answer.types.size() > 1) out << "  which of these, only values tell: headers do not\n";
}

}  // namespace

int weights_as_diffusers(const IdentifyOptions& options, std::ostream& out) {
  const std::vector<DiffusersAnswer> answers = registry::as_diffusers(options.paths);
  if (options.json) {
    nlohmann::json objects = nlohmann::json::array();
    for (const DiffusersAnswer& answer : answers) objects.push_back(answer_json(answer));
    out << json_text(objects);
  } else {
    for (const DiffusersAnswer& answer : answers) print_answer(answer, out);
  }
  WorstFinding worst;
  for (const DiffusersAnswer& answer : answers) {
    if (answer.error) worst.add(*answer.error);
    worst.unknown |= answer.types.size() > 1;
  }
  return worst.code();
}

}  // namespace ditmill::jobs::cli
