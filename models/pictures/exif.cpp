#include "models/pictures/exif.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>

#include "models/pictures/header_bytes.h"
#include "registry/formats/torch/little_endian.h"

namespace ditmill::models::pictures {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t orientation_tag = 0x0112;
constexpr std::size_t entry_bytes = 12;

/// TIFF's types of values: bytes of one, 0 for a type that is passed over, and what an orientation can be in.
struct ValueType {
  std::uint8_t bytes = 0;
  bool integer = false;
};
constexpr std::array<ValueType, 17> value_types{{{},
                                                 {1},        // byte: Pillow keeps it as text
                                                 {1},        // ASCII
                                                 {2, true},  // short
                                                 {4, true},  // long
                                                 {8},        // rational
                                                 {1, true},  // signed byte
                                                 {1},        // undefined
                                                 {2, true},  // signed short
                                                 {4, true},  // signed long
                                                 {8},        // signed rational
                                                 {4},        // float
                                                 {8},        // double
                                                 {4, true},  // directory
                                                 {},
                                                 {},
                                                 {8, true}}};  // long of 8 bytes

int as_orientation(std::uint64_t value) { return value >= 1 && value <= 8 ? static_cast<int>(value) : 1; }

class Directory {
 public:
  Directory(std::span<const std::byte> tiff, bool big) : tiff_(tiff), big_(big) {}

  /// Nothing where there is no orientation.
  std::optional<int> orientation() const {
    const std::uint64_t at = number(4, 4);
    if (!holds(at, 2)) return std::nullopt;
    const std::uint64_t entries = number(at, 2);
    std::uint64_t data_bytes = 0;
    std::bitset<1 << 16> seen;  // a tag's later entries are not looked at
    for (std::uint64_t i = 0; i < entries; ++i) {
      const std::uint64_t entry = at + 2 + i * entry_bytes;
      if (!holds(entry, entry_bytes)) break;
      const std::uint64_t tag = number(entry, 2);
      const std::uint64_t type = number(entry + 2, 2);
      if (seen[tag] || type >= value_types.size() || value_types[type].bytes == 0) continue;
      const std::uint64_t bytes = number(entry + 4, 4) * value_types[type].bytes;
      if (bytes == 0) continue;
      std::uint64_t value = entry + 8;
      if (bytes > 4) {
        value = number(value, 4);
        // Values elsewhere in the data: more of them than there are data are passed over, and one that lies
        // beyond their end ends the directory.
        data_bytes += bytes;
        if (data_bytes > tiff_.size()) continue;
        if (!holds(value, bytes)) break;
      }
      seen[tag] = true;
      if (tag != orientation_tag) continue;
      return value_types[type].integer ? as_orientation(number(value, value_types[type].bytes)) : 1;
    }
    return std::nullopt;
  }

 private:
  bool holds(std::uint64_t at, std::uint64_t bytes) const {
    return at <= tiff_.size() && bytes <= tiff_.size() - at;
  }
  std::uint64_t number(std::uint64_t at, std::size_t bytes) const {
    const auto part = tiff_.subspan(at, bytes);
    return big_ ? big_endian(part) : registry::little_endian(part);
  }

  std::span<const std::byte> tiff_;
  bool big_;
};

}  // namespace

std::optional<int> orientation_in_exif(std::span<const std::byte> exif) {
  constexpr auto prefix = "Exif\0\0"sv;
  for (int i = 0; i < 2 && text_of(exif).starts_with(prefix); ++i) exif = exif.subspan(prefix.size());
  if (exif.size() < 8) return std::nullopt;
  // Some write the 42 in the other order, and what follows in the one that the first letters say.
  constexpr std::array big{"MM\0\x2a"sv, "MM\x2a\0"sv, "MM\0\x2b"sv};
  constexpr std::array little{"II\x2a\0"sv, "II\0\x2a"sv};
  const std::string_view magic = text_of(exif.first(4));
  const bool is_big = std::ranges::find(big, magic) != big.end();
  if (!is_big && std::ranges::find(little, magic) == little.end()) return std::nullopt;
  return Directory(exif, is_big).orientation();
}

std::optional<int> orientation_in_xmp(std::string_view xmp) {
  constexpr auto name = "tiff:Orientation"sv;
  for (std::size_t at = xmp.find(name); at != std::string_view::npos; at = xmp.find(name, at + 1)) {
    std::string_view rest = xmp.substr(at + name.size());
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with('>')) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      return as_orientation(static_cast<std::uint64_t>(rest[0] - '0'));
    }
  }
  return std::nullopt;
}

int orientation_of(std::span<const std::byte> exif, std::string_view xmp) {
  if (const auto turn = orientation_in_exif(exif)) return *turn;
  return orientation_in_xmp(xmp).value_or(1);
}

}  // namespace ditmill::models::pictures
