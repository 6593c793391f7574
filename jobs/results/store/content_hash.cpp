#include "jobs/results/store/content_hash.h"

#define XXH_STATIC_LINKING_ONLY  // the state as a value
#include <xxhash.h>

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
  static constexpr char digits[] = "0123456789abcdef";
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
  std::string text;
  for (const unsigned char byte : canonical.digest) text += {digits[byte >> 4], digits[byte & 15]};
  return text;
}

}  // namespace ditmill::jobs::results
