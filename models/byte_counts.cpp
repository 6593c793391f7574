#include "models/byte_counts.h"

#include <nlohmann/json.hpp>

namespace ditmill::models {

std::uint64_t size_in(const nlohmann::json& json, const char* name) {
  return unsigned_of(json.value(name, std::int64_t{0}));
}

}  // namespace ditmill::models
