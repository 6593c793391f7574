#include "models/text/clean.h"

#include <gtest/gtest.h>

#include <string>

namespace ditmill::models {
namespace {

struct Case {
  const char* name;
  std::string prompt;
  std::string cleaned;
};

class Cleaning : public testing::TestWithParam<Case> {};

TEST_P(Cleaning, GivesWhatTheWanPipelineOfDiffusersTokenises) {
  EXPECT_EQ(clean_prompt(GetParam().prompt), GetParam().cleaned);
}

const std::string nul(1, '\0');

INSTANTIATE_TEST_SUITE_P(
    Texts, Cleaning,
    testing::Values(
        Case{"Empty", "", ""}, Case{"OnlySpace", " \t\u00a0\u3000 ", ""},
        Case{"RunsOfSpace", "  a \r\n\t b\u2028c\u00a0 d ", "a b c d"},
        Case{"CurlyQuotes", "\u201cit\u2019s\u201d \u02bcn", "\"it's\" 'n"},
        Case{"Ligatures", "\ufb02u\ufb03e\ufb06 \u0132\u01c5", "fluffiest IJD\u017e"},
        Case{"FullWidth", "\uff2c\uff4f\uff55\uff44\u3000\uff76\uff9e", "Loud \u30ac"},
        Case{"Composition", "e\u0301 \u1100\u1161\u11a8", "\u00e9 \uac01"},
        Case{"TerminalEscapes", "\x1b[1;31mred\x1b[0m \x1b[x1m", "red 1m"},
        Case{"ControlCharacters", "a" + nul + "\x07\ufeff\u206b" + "b\x7f", "ab"},
        Case{"C1Controls", "50\u0080 \u0085 \u0081", "50\u20ac \u2026 \u0081"},
        Case{"ZeroWidthSpaceStays", "a\u200b", "a\u200b"},
        Case{"References", "&lt;3 &eacute; &NTILDE; &#128512; &#x41;", "<3 \u00e9 \u00d1 \U0001f600 A"},
        Case{"ReferencesWithoutSemicolon", "&copy 1 &notit; &AMPx &#65z", "\u00a9 1 \u00acit; &x Az"},
        Case{"NestedReferences", "&amp;amp;lt;", "<"},
        Case{"NestedDeeperThanTwiceInHtml", "<&amp;amp;amp;lt;", "<&amp;lt;"},
        Case{"HtmlKeepsCapitalNames", "<b> &NTILDE;", "<b> &NTILDE;"},
        Case{"HtmlCountsForLaterLines", "&NTILDE;\n<\n&NTILDE;", "\u00d1 < &NTILDE;"},
        Case{"NumericCorrections", "&#0;|&#x80;|&#xd800;|&#99999999999999;|&#x1;|&#xfffe;|",
             "\ufffd|\u20ac|\ufffd|\ufffd|||"},
        Case{"UnknownReference", "AT&T &zz; & &#; &;", "AT&T &zz; & &#; &;"},
        Case{"BytesThatAreNotUtf8",
             "a\xff"
             "b\xc3",
             "a\ufffd"
             "b\ufffd"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ditmill::models
