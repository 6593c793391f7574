#include <algorithm>
#include <string_view>
#include <vector>

#include "models/pictures/exif.h"
#include "models/pictures/header_bytes.h"
#include "models/pictures/png_text.h"
#include "models/pictures/stored_picture.h"
#include "tests/fuzz/fuzz.h"

namespace ditmill::fuzz {
namespace {

namespace pictures = models::pictures;

void require_turn(int turn) { require(turn >= 1 && turn <= 8, "a turn is one of 1 .. 8"); }

/// The bytes as each chunk of a PNG in which a turn can stand.
void read_as_texts(std::span<const std::byte> bytes) {
  pictures::PngTexts texts;
  for (const char* name : {"eXIf", "tEXt", "zTXt", "iTXt"}) texts.take(name, bytes);
  for (const char* keyword : {"Raw profile type exif", "XML:com.adobe.xmp"}) {
    const auto begin = std::as_bytes(std::span{std::string_view{keyword}});
    std::vector<std::byte> content{begin.begin(), begin.end()};
    content.push_back({});
    content.insert(content.end(), bytes.begin(), bytes.end());
    for (const char* name : {"tEXt", "zTXt", "iTXt"}) texts.take(name, content);
  }
  require(texts.xmp().size() <= std::max(bytes.size(), pictures::max_metadata_bytes),
          "texts stay within their bound");
  require_turn(pictures::orientation_of(texts.exif(), texts.xmp()));
}

}  // namespace

void one_input(std::span<const std::byte> bytes) {
  run(bytes, std::size_t{16} << 20, [&] {
    require_turn(pictures::orientation_in_exif(bytes).value_or(1));
    require_turn(pictures::orientation_in_xmp(pictures::text_of(bytes)).value_or(1));
    read_as_texts(bytes);
  });
}

}  // namespace ditmill::fuzz
