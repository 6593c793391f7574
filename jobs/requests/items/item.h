#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "registry/hasher.h"

namespace ditmill::jobs::requests {

/// An item of a job: its resolved request, what else its line said, and its identity.
struct Item {
  configs::Request request = {};
  std::string metadata = "{}";  ///< JSON object: the unknown fields of its line
  int line = 0;                 ///< where its record begins; 0: unknown
  int column = 0;
  std::string key = {};  ///< lower-case hex SHA-256; empty until the weights' digests are known
};

/// One component's share of an item's identity.
struct ComponentIdentity {
  std::string name;
  std::string key_hash;  ///< empty for a tokenizer
  std::string digest;    ///< "sha256:HEX"
};

/// What all items of a job share of their identity: schema, components, and those fields of layer 2 that can
/// change a pixel. Canonical JSON, kept in the run directory to name the fields that differ on resume.
nlohmann::json job_identity(const std::vector<ComponentIdentity>& components,
                            const configs::PipelineConfig& pipeline);
/// The part of a request that can change a pixel: prompt, negative_prompt, seed, width, height, frames.
nlohmann::json request_identity(const configs::Request& request);
/// SHA-256 of the canonical JSON (sorted keys, no white space) of both, as lower-case hex.
std::string item_key(const nlohmann::json& job_identity, const configs::Request& request);

/// A key as bytes: what long lists hold.
using ItemKey = std::array<std::uint8_t, 32>;

/// That part of a request as views: of a Request, or of an item that a list holds packed.
struct RequestIdentity {
  std::string_view prompt;
  std::string_view negative_prompt;
  std::int64_t seed;
  int width;
  int height;
  int frames;
};

/// Makes item_key() of all items of a job: its own part of the canonical JSON is written once, and hashed
/// once up to the first field of a request.
class ItemKeys {
 public:
  explicit ItemKeys(const nlohmann::json& job_identity);

  ItemKey of(const RequestIdentity& request);

 private:
  registry::Hasher begun_;
  std::array<std::string, 6> between_;  ///< after each field of a request, in their order
  std::string text_;
};

nlohmann::json to_json(const configs::Request& request);
configs::Request request_from_json(const nlohmann::json& json);

}  // namespace ditmill::jobs::requests
