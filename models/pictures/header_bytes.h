#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/byte_source.h"

namespace ditmill::models::pictures {

/// Throws Error(bad_input) of a picture file. An empty hint is that the file be fetched or saved again.
[[noreturn]] void refuse_picture(const std::string& file, std::optional<std::uint64_t> offset,
                                 std::string expected, std::string got, std::string hint = {});

/// A file as readers of headers take it: through a window, so that a small chunk does not cost a read, nor a
/// large one its bytes. The source outlives it.
class HeaderBytes {
 public:
  explicit HeaderBytes(const registry::ByteSource& source) : source_(source) {}

  const registry::ByteSource& source() const noexcept { return source_; }
  std::uint64_t size() const noexcept { return source_.size(); }

  /// `count` bytes at `offset`, until the next call. Refuses a file that ends before; `what` names them.
  std::span<const std::byte> at(std::uint64_t offset, std::size_t count, std::string_view what);
  /// A number of at most 8 bytes; refuses as at().
  std::uint64_t big_endian_at(std::uint64_t offset, std::size_t count, std::string_view what);
  std::uint64_t little_endian_at(std::uint64_t offset, std::size_t count, std::string_view what);

  [[noreturn]] void refuse(std::uint64_t offset, std::string expected, std::string got,
                           std::string hint = {}) const;

 private:
  const registry::ByteSource& source_;
  std::vector<std::byte> window_;
  std::uint64_t begin_ = 0;  ///< of the window in the file
};

/// The number that these bytes are, the highest first. At most 8.
std::uint64_t big_endian(std::span<const std::byte> bytes) noexcept;
/// Bytes as characters.
std::string_view text_of(std::span<const std::byte> bytes) noexcept;

}  // namespace ditmill::models::pictures
