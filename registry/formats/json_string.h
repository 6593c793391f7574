#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ditmill::registry {

/// The value of four hexadecimal digits.
std::uint32_t four_digits(const char* digits) noexcept;

/// Decodes a JSON string that has been checked, a byte at a time, without allocating. `at` is behind its
/// opening quote; its closing one ends it.
class DecodedBytes {
 public:
  explicit DecodedBytes(const char* at) noexcept : at_(at) {}

  /// The next byte; -1 behind the last.
  int next();

 private:
  const char* at_;
  std::string pending_;  // of one code point: never leaves the small buffer
  std::size_t given_ = 0;
};

/// Orders two such strings by their decoded bytes, whatever their spelling: negative, 0 or positive.
int compare_decoded(const char* a, const char* b);

}  // namespace ditmill::registry
