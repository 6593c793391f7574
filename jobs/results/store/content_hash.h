#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace ditmill::jobs::results {

/// A running XXH3-128. Of an item: of its stored bytes, before filters, one after the other: frames
/// (T,H,W,3), then latents (C,T,H,W, float32 little endian), then the video file, each if it is kept.
class ContentHash {
 public:
  ContentHash();
  ContentHash(ContentHash&&) noexcept = default;
  ContentHash& operator=(ContentHash&&) noexcept = default;
  ~ContentHash();

  void update(std::span<const std::byte> bytes);
  /// 32 lower-case hex digits, as xxh128sum prints them.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ditmill::jobs::results
