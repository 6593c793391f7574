#include "jobs/results/store/content_hash.h"

#define XXH_STATIC_LINKING_ONLY  // the state as a value
#include <xxhash.h>

#include "registry/digest.h"

namespace ditmill::jobs::results {

struct ContentHash::State {
  XXH3_state_t xxh;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
ContentHash::~ContentHash() = default;

void ContentHash::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

std::string ContentHash::hex() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
  return registry::hex(canonical.digest);
}

}  // namespace ditmill::jobs::results
