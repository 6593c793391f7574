#include "models/pictures/png_text.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

#include "models/pictures/header_bytes.h"
#include "models/pictures/stored_picture.h"

namespace ditmill::models::pictures {
namespace {

constexpr std::string_view exif_keyword = "exif";
constexpr std::string_view profile_keyword = "Raw profile type exif";
constexpr std::string_view xmp_keyword = "XML:com.adobe.xmp";

/// What zlib makes of a text, as far as it goes; nothing where it is damaged or over max_metadata_bytes.
std::optional<std::string> inflated(std::string_view packed) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return std::nullopt;
  // zlib reads through a pointer that is not const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  std::array<char, 4096> block{};
  int status = Z_OK;
  while (status == Z_OK && text.size() <= max_metadata_bytes) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(block.data(), block.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  const bool whole = status == Z_STREAM_END || status == Z_BUF_ERROR;
  if (!whole || text.size() > max_metadata_bytes) return std::nullopt;
  return text;
}

/// What is before the next NUL, which is taken off with it; nothing where there is no NUL.
std::optional<std::string_view> cut_field(std::string_view& text) {
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end + 1);
  return field;
}

/// The text behind a chunk's keyword. Bytes of flags say whether and how it is packed.
std::optional<std::string> value_in(std::string_view name, std::string_view rest) {
  if (name == "tEXt") return std::string(rest);
  if (name == "zTXt") {
    if (rest.empty() || rest[0] != 0) return std::nullopt;
    return inflated(rest.substr(1));
  }
  if (rest.size() < 2) return std::nullopt;
  const bool packed = rest[0] != 0;
  if (packed && rest[1] != 0) return std::nullopt;
  rest.remove_prefix(2);
  if (!cut_field(rest) || !cut_field(rest)) return std::nullopt;  // the language; the keyword in it
  return packed ? inflated(rest) : std::string(rest);
}

/// The bytes of a raw profile; none where it has no such form.
std::vector<std::byte> profile_bytes(std::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) {
    return std::string_view{" \t\n\r\v\f"}.find(c) == std::string_view::npos;
  });
  std::vector<std::byte> bytes(digits.size() / 2);
  if (digits.size() % 2 != 0) return {};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    unsigned value = 0;
    const char* pair = digits.data() + 2 * i;
    if (std::from_chars(pair, pair + 2, value, 16).ptr != pair + 2) return {};
    bytes[i] = static_cast<std::byte>(value);
  }
  return bytes;
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

}  // namespace

bool PngTexts::reads(std::string_view name) noexcept {
  return name == "eXIf" || name == "tEXt" || name == "zTXt" || name == "iTXt";
}

void PngTexts::take(std::string_view name, std::span<const std::byte> content) {
  if (name == "eXIf") {
    exif_.emplace(content.begin(), content.end());
    return;
  }
  std::string_view rest = text_of(content);
  const auto keyword = cut_field(rest);
  const bool wanted = keyword && (*keyword == profile_keyword || *keyword == xmp_keyword ||
                                  (*keyword == exif_keyword && name == "tEXt"));
  if (!wanted) return;
  std::optional<std::string> value = value_in(name, rest);
  if (!value) return;
  if (*keyword == exif_keyword) {
    exif_ = bytes_of(*value);
  } else if (*keyword == profile_keyword) {
    profile_ = profile_bytes(*value);
  } else {
    xmp_ = std::move(*value);
  }
}

std::span<const std::byte> PngTexts::exif() const noexcept { return exif_ ? *exif_ : profile_; }

}  // namespace ditmill::models::pictures
