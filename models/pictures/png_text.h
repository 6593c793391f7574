#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::models::pictures {

/// The chunks of a PNG in which a turn can stand: eXIf; tEXt, zTXt and iTXt with the keywords `exif` (tEXt
/// alone, bytes), `Raw profile type exif` (ImageMagick's: three lines, then hexadecimal) and
/// `XML:com.adobe.xmp`. The last of each counts. What cannot be inflated or read is passed over.
class PngTexts {
 public:
  static bool reads(std::string_view name) noexcept;
  /// Takes the content of a chunk that is read.
  void take(std::string_view name, std::span<const std::byte> content);

  /// EXIF data; empty where there are none. A raw profile counts where nothing else has any.
  std::span<const std::byte> exif() const noexcept;
  std::string_view xmp() const noexcept { return xmp_; }

 private:
  std::optional<std::vector<std::byte>> exif_;
  std::vector<std::byte> profile_;
  std::string xmp_;
};

}  // namespace ditmill::models::pictures
