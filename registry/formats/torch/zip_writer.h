#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "registry/formats/new_tensor.h"

namespace ditmill::registry {

/// Writes a zip archive as torch does: members are stored, and begin at multiples of 64 bytes behind padding
/// in their headers' extra field "FB"; zip64 where a size or offset needs it. A TensorSink of the member that
/// has been begun last.
class ZipWriter final : public TensorSink {
 public:
  /// The file outlives it.
  explicit ZipWriter(NewFile& file) : file_(file) {}

  /// Begins a member of so many bytes, which put() and zeros() then give. Names are ASCII.
  void begin(std::string name, std::uint64_t size);
  void put(std::span<const std::byte> bytes) override;
  void zeros(std::uint64_t bytes) override;
  /// A whole member.
  void add(std::string name, std::string_view text);
  /// Writes the directory. Nothing may follow.
  void finish();

 private:
  struct Member {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t local = 0;  ///< where its header begins
    std::uint32_t crc = 0;
  };

  void end_member();

  NewFile& file_;
  std::vector<Member> members_;
};

}  // namespace ditmill::registry
