#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "configs/pipeline_config.h"
#include "configs/request.h"
#include "jobs/requests/text/json_line.h"
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
/// The part of a request that can change a pixel: the fields that are in the key.
nlohmann::json request_identity(const configs::Request& request);
/// SHA-256 of the canonical JSON (sorted keys, no white space) of both, as lower-case hex.
std::string item_key(const nlohmann::json& job_identity, const configs::Request& request);

/// A key as bytes: what long lists hold.
using ItemKey = std::array<std::uint8_t, 32>;

/// A request as a list holds it: views of its texts, and the family's own fields as the text of a JSON
/// object, sorted; empty: none.
using PackedRequest = configs::RequestOf<std::string_view, std::string_view>;

/// A member of a request in canonical JSON.
template <typename Value>
void append_json(std::string& out, const Value& value) {
  if constexpr (std::is_convertible_v<Value, std::string_view>) {
    append_json_string(out, value);
  } else if constexpr (std::is_floating_point_v<Value>) {
    append_json_number(out, value);
  } else {
    append_json_number(out, std::int64_t{value});
  }
}

/// `more` of a request as such a text.
std::string packed_fields(const configs::FieldValues& more);
/// And back. Throws Error(bad_input) for fields that no family has, and for values that they do not take.
configs::FieldValues unpacked_fields(std::string_view more);

/// The files among them, for people: {field: {path, sha256}}; empty: there are none.
std::string inputs_json(const configs::FieldValues& more);

/// Makes item_key() of all items of a job: its own part of the canonical JSON is written once, and hashed
/// once up to the first field of a request.
class ItemKeys {
 public:
  explicit ItemKeys(const nlohmann::json& job_identity);

  ItemKey of(const PackedRequest& request);

 private:
  /// A field of requests, behind what the job's own part has before it.
  struct Piece {
    std::string before;  ///< with the comma of each entry in front of it
    const configs::Field* field = nullptr;
    std::size_t member = 0;  ///< of common_request_fields(); beyond it: one of the family's
  };

  registry::Hasher begun_;
  bool comma_ = false;  ///< behind what it has begun with
  std::vector<Piece> pieces_;
  std::string end_;
  std::string text_;
};

/// All fields of a request, as dumps and messages have them. Throws Error(bad_input) for a field that is
/// missing, unknown, or of another kind.
configs::Request request_from_json(const nlohmann::json& json);

}  // namespace ditmill::jobs::requests
