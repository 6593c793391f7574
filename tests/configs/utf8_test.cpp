#include "configs/utf8.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace ditmill::utf8 {
namespace {

TEST(Utf8, DecodesTheEdgesOfEveryLength) {
  const std::vector<std::pair<std::string, char32_t>> cases{
      {std::string(1, '\0'), 0x0},
      {"\x7f", 0x7f},
      {"\xc2\x80", 0x80},
      {"\xdf\xbf", 0x7ff},
      {"\xe0\xa0\x80", 0x800},
      {"\xed\x9f\xbf", 0xd7ff},
      {"\xee\x80\x80", 0xe000},
      {"\xef\xbf\xbf", 0xffff},
      {"\xf0\x90\x80\x80", 0x10000},
      {"\xf4\x8f\xbf\xbf", 0x10ffff},
  };
  for (const auto& [bytes, code_point] : cases) {
    const Decoded decoded = decode(bytes + "x");
    EXPECT_EQ(decoded.code_point, code_point);
    EXPECT_EQ(decoded.length, bytes.size());
    std::string again;
    append(again, code_point);
    EXPECT_EQ(again, bytes);
  }
}

TEST(Utf8, RefusesWhatRfc3629Refuses) {
  const std::vector<std::string> cases{
      "\x80",              // a continuation without a start
      "\xc0\x80",          // NUL, overlong
      "\xc1\xbf",          // overlong
      "\xe0\x9f\xbf",      // overlong
      "\xf0\x8f\xbf\xbf",  // overlong
      "\xed\xa0\x80",      // a surrogate
      "\xed\xbf\xbf",      // a surrogate
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xf8\x88\x80\x80\x80",
      "\xc3",          // cut off
      "\xe2\x82",      // cut off
      "\xf0\x9f\x98",  // cut off
      "\xc3(",
      "\xff",
  };
  for (const std::string& bytes : cases) {
    EXPECT_EQ(decode(bytes).code_point, invalid);
    EXPECT_EQ(decode(bytes).length, 1U);
    EXPECT_EQ(find_invalid("ab\u00e9" + bytes), 4U);
  }
}

TEST(Utf8, FindsTheFirstInvalidByteWhereverItIs) {
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t behind = 0; behind < 20; ++behind) {
      const auto found = [before, behind](const char* middle) {
        return find_invalid(std::string(before, 'a').append(middle).append(behind, 'z'));
      };
      EXPECT_EQ(found("\xff"), before);
      EXPECT_EQ(found("\u00e9\x80"), before + 2);
      EXPECT_EQ(found("\U0001f600"), std::string_view::npos);
    }
  }
}

TEST(Utf8, FindsNothingInGoodText) {
  EXPECT_EQ(find_invalid(""), std::string_view::npos);
  EXPECT_EQ(find_invalid("caf\u00e9 \U0001f600"), std::string_view::npos);
}

}  // namespace
}  // namespace ditmill::utf8
