#include "models/pictures/read_picture.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "configs/error.h"
#include "models/pictures/turn.h"
#include "registry/byte_source.h"
#include "tests/models/pictures/picture_files.h"

namespace ditmill::models::pictures {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

template <typename Read>
auto read_bytes(const std::string& bytes, const Read& read) {
  const auto source = registry::memory_source("a/picture", std::as_bytes(std::span{bytes}));
  return read(*source);
}
PictureInfo info_of(const std::string& bytes) { return read_bytes(bytes, read_info); }
Picture decoded(const std::string& bytes) { return read_bytes(bytes, decode); }

/// The words of a refusal, which must be bad_input with the file, what was expected and got, and an offset in
/// the file; empty if there is none.
std::string refusal(const std::string& bytes, const std::function<void(const std::string&)>& read) {
  try {
    read(bytes);
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input) << error.what();
    EXPECT_EQ(error.where().file, "a/picture");
    EXPECT_LE(error.where().offset.value_or(0), bytes.size()) << error.what();
    EXPECT_FALSE(error.expected().empty() || error.got().empty() || error.hint().empty()) << error.what();
    return error.what();
  }
}
std::string info_refusal(const std::string& bytes) { return refusal(bytes, info_of); }
std::string decode_refusal(const std::string& bytes) { return refusal(bytes, decoded); }

struct Sample {
  const char* name;
  PictureFormat format;
  std::string bytes;
  bool exact = true;  ///< its pixels are those that went in
};

Picture sample_picture() {
  std::mt19937_64 random{7};
  return random_picture(random, 23, 9);
}

std::vector<Sample> samples(const Picture& picture) {
  return {{"png", PictureFormat::png, png_file(picture)},
          {"jpeg", PictureFormat::jpeg, jpeg_file(picture, false), false},
          {"progressive jpeg", PictureFormat::jpeg, jpeg_file(picture, true), false},
          {"lossy webp", PictureFormat::webp, webp_file(picture, false), false},
          {"lossless webp", PictureFormat::webp, webp_file(picture, true)}};
}

TEST(ReadPicture, TakesEachFormatWhateverItsName) {
  auto random = fresh_generator();
  const Picture picture =
      random_picture(random, 1 + static_cast<int>(random() % 60), 1 + static_cast<int>(random() % 60));
  for (const Sample& sample : samples(picture)) {
    SCOPED_TRACE(sample.name);
    EXPECT_EQ(info_of(sample.bytes), (PictureInfo{sample.format, picture.width, picture.height, 1}));
    const Picture found = decoded(sample.bytes);
    EXPECT_EQ(found.rgb.size(), picture.rgb.size());
    if (sample.exact) {
      EXPECT_EQ(found, picture);
    }
  }
}

TEST(ReadPicture, TakesWhatFollowsAPictureAsPillowDoes) {
  for (const Sample& sample : samples(sample_picture())) {
    EXPECT_EQ(decoded(sample.bytes + "more"), decoded(sample.bytes)) << sample.name;
  }
}

TEST(ReadPicture, RefusesAFileCutAtAnyLength) {
  for (const Sample& sample : samples(sample_picture())) {
    for (std::size_t length = 0; length < sample.bytes.size(); ++length) {
      SCOPED_TRACE(std::string(sample.name) + " cut to " + std::to_string(length));
      const std::string cut = sample.bytes.substr(0, length);
      ASSERT_NE(decode_refusal(cut), "");
      // What a JPEG has from its first scan on is not looked at for its header.
      if (sample.format != PictureFormat::jpeg || length < sample.bytes.find("\xff\xda") + 4) {
        ASSERT_NE(info_refusal(cut), "");
      }
    }
  }
}

TEST(ReadPicture, RefusesAPngWithAnyByteChanged) {
  auto random = fresh_generator();
  const std::string file = png_file(sample_picture(), png_chunk("tEXt", "Comment\0words"s));
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1 + random() % 255));
    ASSERT_NE(decode_refusal(damaged), "") << "byte " << at;
  }
}

TEST(ReadPicture, NeverFillsWhatAJpegLacksWithGrey) {
  const std::string file = jpeg_file(sample_picture(), false);
  const std::size_t scan = file.find("\xff\xda") + 14;
  for (std::size_t length = scan; length < file.size() - 2; ++length) {
    ASSERT_THAT(decode_refusal(file.substr(0, length) + "\xff\xd9"), HasSubstr("a whole JPEG picture"))
        << length;
  }
}

TEST(ReadPicture, DoesNotDecodeWhatFollowsAWebpAsItsPixels) {
  const Picture picture = sample_picture();
  for (const bool lossless : {false, true}) {
    const std::string file = webp_file(picture, lossless);
    // The last 20 bytes of the picture become those of another chunk, which are as they were.
    std::string content = file.substr(20, file.size() - 20 - file.size() % 2);
    const std::string rest = content.substr(content.size() - 20);
    content.resize(content.size() - 20);
    const std::string name = file.substr(12, 4);
    const std::string cut =
        webp_of(webp_extended(8, 23, 9) + webp_chunk(name, content) + webp_chunk("EXIF", rest));
    EXPECT_THAT(decode_refusal(cut), HasSubstr("a whole WebP picture")) << name;
  }
}

TEST(ReadPicture, NamesWhatItDoesNotTake) {
  const std::map<std::string, std::string> kinds{
      {"GIF89a\1\0\1\0", "a GIF"},
      {"BM\x36\0\0\0"s, "a BMP"},
      {"II\x2a\0\x08\0\0\0"s, "a TIFF"},
      {"MM\0\x2a\0\0\0\x08"s, "a TIFF"},
      {"\0\0\0\x1c"
       "ftypavif\0\0\0\0"s,
       "an AVIF picture"},
      {"\0\0\0\x18"
       "ftypheic\0\0\0\0"s,
       "a HEIC picture"},
      {"\0\0\0\x18"
       "ftypisom\0\0\0\0"s,
       "an MP4 or QuickTime video"},
      {"\x1a\x45\xdf\xa3\1\0"s, "a Matroska or WebM video"},
      {"RIFF\x10\0\0\0"
       "AVI LIST"s,
       "an AVI video"},
      {"RIFF\x10\0\0\0WAVEfmt "s, "a RIFF file that is no WebP"},
      {"\xff\x0a\xfa\x1f"s, "a JPEG XL picture"},
      {"\0\0\0\x0cJXL \r\n\x87\n"s, "a JPEG XL picture"},
      {"<?xml version=\"1.0\"?>\n<!-- by hand -->\n<svg/>", "an SVG drawing"},
      {"%PDF-1.7\n", "a PDF"},
      {"\x89PNG\n\x1a\n"s, "a PNG whose first bytes a transfer as text has changed"},
      {"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"},
      {"<!DOCTYPE html><html>", "an HTML page"},
      {"just words", "none of them: 'just words'"},
      {"\xff\xd8", "the end of the file, after 2 bytes"},
      {"RIFF\x10", "the end of the file, after 5 bytes"},
      {"", "an empty file"},
  };
  for (const auto& [bytes, words] : kinds) {
    EXPECT_THAT(info_refusal(bytes), HasSubstr(words));
    EXPECT_EQ(info_refusal(bytes), decode_refusal(bytes));
  }
}

std::string jpeg_with_frame(int marker, int bits, int height, int width, int components) {
  const std::string frame = big_endian_bytes(static_cast<std::uint64_t>(bits), 1) +
                            big_endian_bytes(static_cast<std::uint64_t>(height), 2) +
                            big_endian_bytes(static_cast<std::uint64_t>(width), 2) +
                            big_endian_bytes(static_cast<std::uint64_t>(components), 1);
  return "\xff\xd8" + jpeg_segment(marker, frame) + jpeg_segment(0xda, "\1\1\0\0\x3f\0"s) +
         std::string(40, '\x55');
}

std::string png_of(const std::string& chunks) { return std::string(png_signature) + chunks; }

TEST(ReadPicture, RefusesHeadersBeforeAnythingIsDecoded) {
  const std::string pixels = png_chunk("IDAT", "x") + png_chunk("IEND", "");
  const std::string vp8l = "\x2f" + little_endian_bytes(16382 | 16382U << 14, 4);
  const Picture picture = sample_picture();
  const std::string still = webp_file(picture, true).substr(12);
  const std::map<std::string, std::string> headers{
      // Animations.
      {png_file(picture, png_chunk("acTL", "\0\0\0\2\0\0\0\0"s)), "got an animated PNG"},
      {webp_of(webp_extended(2, 4, 4) + webp_chunk("ANIM", "123456")), "got an animated WebP"},
      // Huge ones, in a few bytes.
      {png_of(png_header_chunk(60000, 60000) + pixels), "at most 100000000 pixels, got 60000 x 60000"},
      {png_of(png_header_chunk(~0U, ~0U) + pixels), "got 4294967295 x 4294967295 pixels"},
      {jpeg_with_frame(0xc0, 8, 60000, 60000, 3), "got 60000 x 60000 pixels"},
      {webp_of(webp_chunk("VP8L", vp8l)), "got 16383 x 16383 pixels"},
      {webp_of(webp_extended(0, 1 << 24, 1 << 24)), "got 16777216 x 16777216 pixels"},
      // Empty ones.
      {png_of(png_header_chunk(0, 5) + pixels), "got 0 x 5 pixels"},
      {jpeg_with_frame(0xc0, 8, 0, 7, 3), "got 7 x 0 pixels"},
      {webp_of(webp_chunk("VP8 ", "\0\0\0\x9d\x01\x2a\0\0\1\0"s)), "got 0 x 1 pixels"},
      // What PNG does not have.
      {png_of(png_header_chunk(4, 4, 3, 0) + pixels), "3 bits, colours 0"},
      {png_of(png_header_chunk(4, 4, 4, 2) + pixels), "4 bits, colours 2"},
      {png_of(png_header_chunk(4, 4, 8, 5) + pixels), "8 bits, colours 5"},
      {png_of(png_chunk("IHDR", "\0\0\0\4\0\0\0\4\x08\2\0\0\2"s) + pixels), "unknown methods"},
      {png_of(png_chunk("IDAT", "x")), "IHDR of 13 bytes, with which a PNG begins"},
      {png_of(png_header_chunk(4, 4) + png_chunk("ID\0T"s, "x")), "four letters"},
      {png_of(png_header_chunk(4, 4) + png_chunk("IEND", "")), "IDAT, the pixels, before the end"},
      {png_of(png_header_chunk(4, 4) + "\x7f\xff\xff\xffIDAT"), "IDAT of 2147483647 bytes and a checksum"},
      {png_of(png_header_chunk(4, 4) + "\xff\xff\xff\xffIDAT"), "a chunk of at most 2147483647 bytes"},
      // What is not taken of JPEG.
      {jpeg_with_frame(0xc3, 8, 4, 4, 3), "a lossless JPEG"},
      {jpeg_with_frame(0xc5, 8, 4, 4, 3), "a hierarchical JPEG"},
      {jpeg_with_frame(0xc1, 12, 4, 4, 3), "got 12 bits, 3 components"},
      {jpeg_with_frame(0xc0, 8, 4, 4, 2), "got 8 bits, 2 components"},
      {"\xff\xd8\xff\xe0\0\1"s, "a segment's length of at least 2"},
      {"\xff\xd8\xff\xd9"s, "the end or begin of a picture"},
      {"\xff\xd8" + jpeg_segment(0xda, "\1\1\0\0\x3f\0"s), "before its scan"},
      {"\xff\xd8" + jpeg_segment(0xc0, "\x08\0\1"s), "a frame of at least 6 bytes"},
      // WebP.
      {webp_of(webp_chunk("ALPH", "1")), "with which a WebP begins"},
      {webp_of(webp_extended(0, 4, 4) + still), "a canvas as large as the picture in it"},
      {webp_of(webp_extended(0, 4, 4) + webp_chunk("EXIF", "1")), "a picture in the WebP"},
      {webp_of(webp_chunk("VP8X", "1")), "VP8X of 10 bytes"},
      {webp_of(webp_chunk("VP8 ", "\1\0\0\x9d\x01\x2a\1\0\1\0"s)), "the begin of a picture in VP8"},
      {webp_of(webp_chunk("VP8L", "\x2e\0\0\0\0"s)), "the begin of a picture in VP8L"},
      {webp_of("VP8 \xff\xff\xff\xff"s), "a chunk that ends within its WebP"},
      {"RIFF\xff\xff\xff\xffWEBP", "a WebP of 4294967303 bytes, as its header says"},
  };
  for (const auto& [bytes, words] : headers) {
    EXPECT_THAT(info_refusal(bytes), HasSubstr(words));
    EXPECT_EQ(info_refusal(bytes), decode_refusal(bytes));
  }
}

TEST(ReadPicture, RefusesMoreBytesThanItsBoundWithoutReadingThem) {
  struct Large final : registry::ByteSource {
    std::string name = "large";
    const std::string& label() const noexcept override { return name; }
    std::uint64_t size() const noexcept override { return max_file_bytes + 1; }
    void read_at(std::uint64_t, std::span<std::byte>) const override { FAIL() << "it was read"; }
  };
  EXPECT_THROW(read_info(Large{}), Error);
  EXPECT_THROW(decode(Large{}), Error);
}

TEST(ReadPicture, ReadsLittleOfALargePicture) {
  struct Counted final : registry::ByteSource {
    const std::string& bytes;
    mutable std::size_t read = 0;
    explicit Counted(const std::string& file) : bytes(file) {}
    const std::string& label() const noexcept override { return bytes; }
    std::uint64_t size() const noexcept override { return bytes.size(); }
    void read_at(std::uint64_t at, std::span<std::byte> out) const override {
      std::ranges::copy(std::as_bytes(std::span{bytes}).subspan(at, out.size()), out.begin());
      read += out.size();
    }
  };
  auto random = fresh_generator();
  const Picture picture = random_picture(random, 700, 300);
  for (const Sample& sample : samples(picture)) {
    const Counted source(sample.bytes);
    EXPECT_EQ(read_info(source).width, 700);
    EXPECT_LT(source.read, 20'000U) << sample.name;
  }
}

TEST(ReadPicture, TurnsWhatExifTellsToTurn) {
  auto random = fresh_generator();
  const Picture picture = random_picture(random, 5, 3);
  for (int turn = 1; turn <= 8; ++turn) {
    SCOPED_TRACE(turn);
    const std::string file = png_file(picture, {}, png_chunk("eXIf", exif_of(turn)));
    const Picture shown = decoded(file);
    EXPECT_EQ(shown, turned(picture, turn));
    EXPECT_EQ(info_of(file), (PictureInfo{PictureFormat::png, shown.width, shown.height, turn}));
    EXPECT_EQ(shown.width, turn < 5 ? 5 : 3);
    const std::string jpeg = jpeg_file(picture, false, jpeg_segment(0xe1, "Exif\0\0"s + exif_of(turn)));
    EXPECT_EQ(decoded(jpeg), turned(decoded(jpeg_file(picture, false)), turn));
    const std::string still = webp_file(picture, true).substr(12);
    EXPECT_EQ(decoded(webp_of(webp_extended(8, 5, 3) + still + webp_chunk("EXIF", exif_of(turn)))), shown);
    // The header does not say that there is EXIF.
    EXPECT_EQ(decoded(webp_of(webp_extended(0, 5, 3) + still + webp_chunk("EXIF", exif_of(turn)))), picture);
  }
}

TEST(Turned, IsWhatEachOrientationMeans) {
  // a b c
  // d e f
  Picture picture{3, 2, {}};
  for (const char letter : "abcdef"s)
    picture.rgb.insert(picture.rgb.end(), 3, static_cast<std::uint8_t>(letter));
  const std::vector<std::string> shown{"abcdef", "cbafed", "fedcba", "defabc",
                                       "adbecf", "daebfc", "fcebda", "cfbead"};
  for (int turn = 1; turn <= 8; ++turn) {
    std::string letters;
    const Picture out = turned(picture, turn);
    for (std::size_t i = 0; i < out.rgb.size(); i += 3) letters += static_cast<char>(out.rgb[i]);
    EXPECT_EQ(letters, shown[static_cast<std::size_t>(turn - 1)]) << turn;
  }
}

}  // namespace
}  // namespace ditmill::models::pictures
