#pragma once

#include <nlohmann/json_fwd.hpp>

namespace ditmill::configs {

/// A JSON schema (draft 07, which editors read) of manifests, for editors and validators:
/// manifest.schema.json with the declared fields of requests and pipelines put in. It knows the fields of
/// every family's models.
nlohmann::json manifest_schema();

}  // namespace ditmill::configs
