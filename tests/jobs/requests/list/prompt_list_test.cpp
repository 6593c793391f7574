#include "jobs/requests/list/prompt_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "jobs/requests/items/frozen_item.h"

namespace ditmill::jobs::requests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ListFormat jsonl = ListFormat::json_lines;

struct Reading {
  PromptList list;
  std::vector<Problem> problems;

  std::vector<std::string> messages() const {
    std::vector<std::string> texts;
    for (const Problem& problem : problems) texts.push_back(describe(problem));
    return texts;
  }
};

ItemDefaults defaults() {
  configs::Request request;
  request.negative_prompt = "blurry";
  return {.draft = {.request = request}};
}

Reading read(ListFormat format, std::string_view text, const ItemDefaults& with = defaults()) {
  Reading reading;
  const auto source = registry::memory_source("L", std::as_bytes(std::span{text}));
  reading.list = read_prompt_list(*source, format, with, reading.problems);
  return reading;
}

std::vector<std::string> prompts(const PromptList& list) {
  std::vector<std::string> texts;
  for (const PackedItem& item : list.items.packed()) texts.emplace_back(item.prompt);
  return texts;
}

std::vector<std::string> ids(const PromptList& list) {
  std::vector<std::string> texts;
  for (const PackedItem& item : list.items.packed()) texts.emplace_back(item.id);
  return texts;
}

TEST(TextList, HasAPromptALine) {
  const Reading reading = read(ListFormat::text,
                               "\xef\xbb\xbf"
                               "a cat\r\n\n \t\n\xe3\x80\x80\n  a dog  \r\nlast");
  EXPECT_THAT(reading.messages(), IsEmpty());
  EXPECT_THAT(prompts(reading.list), ElementsAre("a cat", "  a dog  ", "last"));
  EXPECT_THAT(ids(reading.list), ElementsAre("000000", "000001", "000002"));
  EXPECT_EQ(reading.list.items[1].line, 5);
  EXPECT_EQ(reading.list.items[2].line, 6);
}

TEST(TextList, TakesDefaults) {
  ItemDefaults with = defaults();
  with.draft.request.seed = 7;
  with.draft.request.width = 96;
  with.negative_prompt_suffix = "ugly";
  const configs::Request request = read(ListFormat::text, "x", with).list.items.at(0).request;
  EXPECT_EQ(request.seed, 7);
  EXPECT_EQ(request.width, 96);
  EXPECT_EQ(request.negative_prompt, "blurry ugly");
}

TEST(NegativePrompt, IsTheUsersThenThePresets) {
  const auto negative = [](std::string users, std::string suffix, std::string_view line) {
    ItemDefaults with{.negative_prompt_suffix = std::move(suffix)};
    with.draft.request.negative_prompt = std::move(users);
    return read(ListFormat::json_lines, line, with).list.items.at(0).request.negative_prompt;
  };
  EXPECT_EQ(negative("a", "b", R"({"prompt": "x"})"), "a b");
  EXPECT_EQ(negative("", "b", R"({"prompt": "x"})"), "b");
  EXPECT_EQ(negative("a", "", R"({"prompt": "x"})"), "a");
  EXPECT_EQ(negative("", "", R"({"prompt": "x"})"), "");
  EXPECT_EQ(negative("a", "b", R"({"prompt": "x", "negative_prompt": "c"})"), "c b");
  EXPECT_EQ(negative("a", "b", R"({"prompt": "x", "negative_prompt": ""})"), "b");
}

TEST(JsonList, ReadsEveryField) {
  const Reading reading =
      read(ListFormat::json_lines,
           "\xef\xbb\xbf"
           R"( {"id": "a.B_c~1-", "prompt": "caf\u00e9 \ud83d\ude00 \"q\"\n", "negative_prompt": "n",)"
           R"( "seed": 9223372036854775807, "width": 64, "height": 32, "frames": 5, "fps": 12.5})"
           "\r\n\r\n"
           R"({"prompt": "b", "fps": 8})");
  EXPECT_THAT(reading.messages(), IsEmpty());
  ASSERT_EQ(reading.list.items.size(), 2u);
  EXPECT_EQ(reading.list.items[0].request, (configs::Request{.id = "a.B_c~1-",
                                                             .prompt = "caf\xc3\xa9 \xf0\x9f\x98\x80 \"q\"\n",
                                                             .negative_prompt = "n",
                                                             .seed = 9223372036854775807,
                                                             .width = 64,
                                                             .height = 32,
                                                             .frames = 5,
                                                             .fps = 12.5}));
  EXPECT_EQ(reading.list.items[0].column, 2);
  EXPECT_EQ(reading.list.items[0].metadata, "{}");
  EXPECT_EQ(reading.list.items[1].request.id, "000001");
  EXPECT_EQ(reading.list.items[1].request.fps, 8);
  EXPECT_EQ(reading.list.items[1].line, 3);
}

TEST(JsonList, KeepsUnknownFieldsAsTheyWereWritten) {
  const Reading reading = read(
      ListFormat::json_lines,
      R"({"source": {"a b": [1, 2.50, 1e400], "x": " \" , \\"}, "prompt": "p", "\u0061uthor" : null, "n": 123456789012345678901234567890})");
  EXPECT_THAT(reading.messages(), IsEmpty());
  EXPECT_EQ(
      reading.list.items.at(0).metadata,
      R"({"source":{"a b":[1,2.50,1e400],"x":" \" , \\"},"\u0061uthor":null,"n":123456789012345678901234567890})");
}

TEST(JsonList, TakesAFrozenListAsItStands) {
  Item frozen{.request = {.id = "a~seed1-s0",
                          .prompt = "a \"cat\"\n\x01 caf\xc3\xa9",
                          .negative_prompt = "worst ugly",
                          .seed = 9223372036854775807,
                          .width = 96,
                          .height = 64,
                          .frames = 5,
                          .fps = 12.5},
              .metadata = R"({"author":"x"})",
              .key = std::string(64, 'a')};
  std::string text;
  append_frozen_item(text, ItemList{frozen}.packed()[0]);
  ItemDefaults with = defaults();
  with.negative_prompt_suffix = "ugly";
  const Reading reading = read(ListFormat::json_lines, text + R"({"prompt": "b"})", with);
  EXPECT_THAT(reading.messages(), IsEmpty());
  ASSERT_EQ(reading.list.items.size(), 2u);
  EXPECT_EQ(reading.list.items[0].request, frozen.request);
  EXPECT_EQ(reading.list.items[0].metadata, frozen.metadata);
  EXPECT_EQ(reading.list.items[0].key, "");
  EXPECT_EQ(reading.list.items[1].request.id, "000001");

  text.replace(text.find("\"width\":96"), 10, "\"width\":0");
  EXPECT_THAT(
      read(ListFormat::json_lines, text).messages(),
      ElementsAre("L:1:256: not a frozen item (expected a width that is a whole number from 1 to 16384, "
                  "got 0)"));
}

TEST(JsonList, LinesStandForSamplesAndDerivedSizes) {
  ItemDefaults with = defaults();
  with.name = "cats";
  const Reading reading = read(jsonl,
                               "{\"prompt\": \"a\", \"samples\": 2, \"seed\": 7}\n"
                               "{\"prompt\": \"b\", \"id\": \"b\", \"seed\": \"auto\", \"samples\": 2}\n"
                               "{\"prompt\": \"c\", \"resolution\": \"480p\", \"aspect_ratio\": \"9:16\"}\n",
                               with);
  EXPECT_THAT(reading.messages(), IsEmpty());
  EXPECT_THAT(ids(reading.list), ElementsAre("000000-s0", "000000-s1", "b-s0", "b-s1", "000002"));
  std::vector<std::int64_t> seeds;
  for (const PackedItem& item : reading.list.items.packed()) seeds.push_back(item.seed);
  // int.from_bytes(hashlib.sha256(b"cats/b-s0").digest()[:8], "big") >> 1
  EXPECT_THAT(seeds, ElementsAre(7, 8, 3366041228096712728, 4069082032801209330, 42));
  EXPECT_EQ(reading.list.items[4].request.width, 480);
  EXPECT_EQ(reading.list.items[4].request.height, 832);
}

TEST(JsonList, FaultyLinesCountAsPositions) {
  const Reading reading =
      read(ListFormat::json_lines, "{\"prompt\": 1}\n{\"prompt\": \"b\"}\n{\n{\"prompt\": \"d\"}");
  EXPECT_THAT(ids(reading.list), ElementsAre("000001", "000003"));
  EXPECT_EQ(reading.problems.size(), 2u);
}

TEST(Ids, GrowBeyondSixDigits) {
  const ItemDefaults with = defaults();
  std::vector<Problem> problems;
  ListBuilder builder{"L", with, problems};
  ItemDraft item;
  for (int i = 0; i <= 1'000'000; ++i) item = builder.next_item();
  EXPECT_EQ(item.draft.request.id, "1000000");
}

TEST(Sizes, AreAskedOnceForEachCombination) {
  const Reading reading = read(ListFormat::json_lines,
                               "{\"prompt\": \"a\"}\n"
                               "{\"prompt\": \"b\", \"width\": 64, \"frames\": 5}\n"
                               "{\"prompt\": \"c\", \"frames\": 5, \"width\": 64}\n"
                               "{\"prompt\": \"d\", \"width\": 832}\n"
                               "{\"prompt\": \"e\", \"height\": 64}\n");
  ASSERT_EQ(reading.list.sizes.size(), 3u);
  EXPECT_EQ(reading.list.sizes[0].item, 0u);
  EXPECT_EQ(reading.list.sizes[0].width.line, 0);
  EXPECT_EQ(reading.list.sizes[1].item, 1u);
  EXPECT_EQ(reading.list.sizes[1].width.line, 2);
  EXPECT_EQ(reading.list.sizes[1].width.column, 26);
  EXPECT_EQ(reading.list.sizes[1].frames.column, 40);
  EXPECT_EQ(reading.list.sizes[1].height.line, 0);
  EXPECT_EQ(reading.list.sizes[2].item, 4u);
}

struct Bad {
  const char* name;
  ListFormat format;
  std::string text;
  std::vector<std::string> messages;
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class BadList : public testing::TestWithParam<Bad> {};

TEST_P(BadList, IsRefusedAtItsPlace) {
  EXPECT_EQ(read(GetParam().format, GetParam().text).messages(), GetParam().messages);
}

constexpr ListFormat text = ListFormat::text;
constexpr const char* whole_seed =
    "a whole number from 0 to 9223372036854775807, or \"auto\", which makes one of the job's name and the "
    "item's id";
/// How commands that Python follows end.
const std::string of_each_line = "in open(0, encoding=\"utf-8-sig\") if l.strip()]' < L > L.jsonl)";
const std::string python =
    "this is Python's way to write an object, not JSON (expected JSON: python3 -c 'import ast, json; "
    "[print(json.dumps(ast.literal_eval(l.strip()))) for l " +
    of_each_line;
/// Said of the first line that is not UTF-8.
const std::string cp1252 = "UTF-8; of Windows' CP1252: iconv -f CP1252 -t UTF-8 L > L-utf8, got byte";

INSTANTIATE_TEST_SUITE_P(
    Text, BadList,
    testing::Values(
        Bad{"invalid_byte",
            text,
            "ok\ncaf\xc3\xa9 \xff!\n",
            {std::string{"L:2:6: not UTF-8 text (expected "} + cp1252 + " \\xff)"}},
        Bad{"latin1", text, "caf\xe9", {"L:1:4: not UTF-8 text (expected " + cp1252 + " \\xe9)"}},
        Bad{"surrogate", text, "\xed\xa0\x80", {"L:1:1: not UTF-8 text (expected " + cp1252 + " \\xed)"}},
        Bad{"overlong",
            text,
            "a\n\n\xc0\xaf",
            {"L:3:1: not UTF-8 text (expected UTF-8; of Windows' CP1252: iconv -f CP1252 -t UTF-8 L > "
             "L-utf8, got byte \\xc0)"}},
        Bad{"cut_character", text, "a \xe2\x82", {"L:1:3: not UTF-8 text (expected " + cp1252 + " \\xe2)"}},
        Bad{"utf16",
            text,
            std::string("\xff\xfe"
                        "a\0\n\0b\0",
                        8),
            {"L:1: not UTF-8 but UTF-16 text (expected UTF-8: iconv -f UTF-16 -t UTF-8 L > L-utf8)"}},
        Bad{"nul", text, std::string("a\0b", 3), {"L:1:2: a NUL character in a prompt (expected text)"}},
        Bad{"old_mac_lines",
            text,
            "a\rb\rc",
            {"L:1:2: a carriage return within a line (expected lines that end in LF or CRLF)"}},
        Bad{"long_line",
            text,
            "ok\n" + std::string((1 << 20) + 1, 'x') + "\nok\n",
            {"L:2: read lines (expected lines of at most 1048576 bytes, got a longer one)"}},
        Bad{"several",
            text,
            "\xff\nok\n\xfe\n",
            {"L:1:1: not UTF-8 text (expected " + cp1252 + " \\xff)",
             "L:3:1: not UTF-8 text (expected UTF-8, got byte \\xfe)"}}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    JsonSyntax, BadList,
    testing::Values(
        Bad{"not_an_object", jsonl, R"("a cat")", {"L:1:1: expected a JSON object, {...}"}},
        Bad{"array", jsonl, "[1]", {"L:1:1: expected a JSON object, {...}"}},
        Bad{"bare_text", jsonl, "{\"prompt\": \"a\"}\na cat\n", {"L:2:1: expected a JSON object, {...}"}},
        Bad{"torn", jsonl, R"({"prompt": "a ca)", {"L:1:17: the line ends within its JSON object"}},
        Bad{"torn_after_key", jsonl, R"({"prompt")", {"L:1:10: the line ends within its JSON object"}},
        Bad{"torn_escape", jsonl, R"({"prompt": "\)", {"L:1:14: the line ends within its JSON object"}},
        Bad{"two_objects",
            jsonl,
            R"({"prompt": "a"} {"prompt": "b"})",
            {"L:1:17: text after the JSON object"}},
        Bad{"trailing_comma",
            jsonl,
            R"({"prompt": "a",})",
            {"L:1:16: a comma before } (expected no comma there)"}},
        Bad{"missing_comma",
            jsonl,
            R"({"prompt": "a" "seed": 1})",
            {"L:1:16: expected , or } after a value"}},
        Bad{"missing_colon", jsonl, R"({"prompt" "a"})", {"L:1:11: expected : after the key prompt"}},
        Bad{"single_quotes", jsonl, R"({'prompt': 'a'})", {"L:1:2: " + python}},
        Bad{"python_true", jsonl, R"({"prompt": "a", "x": True})", {"L:1:22: " + python}},
        Bad{"nan",
            jsonl,
            R"({"prompt": "a", "x": NaN})",
            {"L:1:22: NaN and Infinity are not JSON (expected null, or the field left out: python3 -c "
             "'import json; [print(json.dumps(json.loads(l, parse_constant=lambda c: None))) for l " +
             of_each_line}},
        Bad{"leading_zero",
            jsonl,
            R"({"prompt": "a", "seed": 007})",
            {"L:1:25: a number with a leading zero"}},
        Bad{"plus", jsonl, R"({"prompt": "a", "seed": +1})", {"L:1:25: not a JSON value"}},
        Bad{"no_fraction", jsonl, R"({"prompt": "a", "fps": 1.})", {"L:1:26: expected a digit"}},
        Bad{"comment", jsonl, R"({"prompt": "a"} // cat)", {"L:1:17: text after the JSON object"}},
        Bad{"twice", jsonl, R"({"prompt": "a", "prompt": "b"})", {"L:1:17: the key prompt is there twice"}},
        Bad{"twice_by_escape",
            jsonl,
            R"({"prompt": "a", "\u0070rompt": "b"})",
            {"L:1:17: the key prompt is there twice"}},
        Bad{"twice_inside",
            jsonl,
            R"({"prompt": "a", "m": [{"k": 1, "k": 2}]})",
            {"L:1:32: the key k is there twice"}},
        Bad{"lone_surrogate", jsonl, R"({"prompt": "a \ud83d b"})", {"L:1:15: half of a surrogate pair"}},
        Bad{"low_surrogate", jsonl, R"({"prompt": "\udc00"})", {"L:1:13: half of a surrogate pair"}},
        Bad{"bad_escape", jsonl, R"({"prompt": "a\x41"})", {"L:1:14: an escape that JSON does not have"}},
        Bad{"bad_hex", jsonl, R"({"prompt": "\u12g4"})", {"L:1:13: \\u without four hexadecimal digits"}},
        Bad{"raw_tab",
            jsonl,
            "{\"prompt\": \"a\tb\"}",
            {"L:1:14: a control character within a string: write it as an escape"}},
        Bad{"bad_utf8",
            jsonl,
            "{\"prompt\": \"caf\xe9\"}",
            {"L:1:16: not UTF-8 text (expected " + cp1252 + " \\xe9)"}},
        Bad{"columns_are_characters",
            jsonl,
            "{\"prompt\": \"\xe7\x8c\xab\", \"seed\": x}",
            {"L:1:25: not a JSON value"}},
        Bad{"deep",
            jsonl,
            R"({"prompt": "a", "m": )" + std::string(100, '[') + std::string(100, ']') + "}",
            {"L:1:85: JSON nested deeper than 64 levels"}}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    JsonFields, BadList,
    testing::Values(
        Bad{"no_prompt", jsonl, R"(  {"seed": 1})", {"L:1:3: prompt is missing (expected a field prompt)"}},
        Bad{"empty_object", jsonl, "{}", {"L:1:1: prompt is missing (expected a field prompt)"}},
        Bad{"empty_prompt", jsonl, R"({"prompt": ""})", {"L:1:12: prompt is empty (expected text)"}},
        Bad{"blank_prompt", jsonl, R"({"prompt": " \t\u3000"})", {"L:1:12: prompt is empty (expected text)"}},
        Bad{"prompt_number",
            jsonl,
            R"({"prompt": 12})",
            {"L:1:12: prompt has the wrong type (expected a string, got 12)"}},
        Bad{"prompt_null",
            jsonl,
            R"({"prompt": null})",
            {"L:1:12: prompt is missing (expected text: the record left out, or its prompt filled in, got "
             "null)"}},
        Bad{"prompt_list",
            jsonl,
            R"({"prompt": ["a", "b"]})",
            {"L:1:12: prompt has the wrong type (expected a string, got [\"a\", \"b\"])"}},
        Bad{"prompt_nul",
            jsonl,
            R"({"prompt": "a\u0000b"})",
            {"L:1:12: prompt holds a NUL character (expected text, got \\u0000)"}},
        Bad{"misspelt_prompt",
            jsonl,
            R"({"promt": "a"})",
            {"L:1:2: unknown field promt (expected a known field, or metadata under a name that is not so "
             "near to "
             "one); did you mean prompt?"}},
        Bad{"misspelt_seed",
            jsonl,
            R"({"prompt": "a", "sede": 1})",
            {"L:1:17: unknown field sede (expected a known field, or metadata under a name that is not so "
             "near to "
             "one); did you mean seed?"}},
        Bad{"capital",
            jsonl,
            R"({"prompt": "a", "Width": 1})",
            {"L:1:17: unknown field Width: it is called width (expected width; or, to be kept only, "
             "{\"metadata\": {\"Width\": ...}})"}},
        Bad{"other_name",
            jsonl,
            R"({"prompt": "a", "num_frames": 81})",
            {"L:1:17: unknown field num_frames: it is called frames (expected frames; or, to be kept only, "
             "{\"metadata\": {\"num_frames\": ...}})"}},
        Bad{"setting_of_the_job",
            jsonl,
            R"({"prompt": "a", "sample_steps": 30})",
            {"L:1:17: field sample_steps is no setting of an item but of the whole job: set it under "
             "pipeline, where it is called steps (expected pipeline.steps in the manifest; or, to be kept "
             "only, {\"metadata\": {\"sample_steps\": ...}})"}},
        Bad{"seed_real",
            jsonl,
            R"({"prompt": "a", "seed": 1.5})",
            {std::string("L:1:25: seed has the wrong type (expected ") + whole_seed + ", got 1.5)"}},
        Bad{"seed_exponent",
            jsonl,
            R"({"prompt": "a", "seed": 1e-3})",
            {std::string("L:1:25: seed has the wrong type (expected ") + whole_seed + ", got 1e-3)"}},
        Bad{"seed_text",
            jsonl,
            R"({"prompt": "a", "seed": "1"})",
            {std::string("L:1:25: seed has the wrong type (expected ") + whole_seed +
             ", got \"1\", which is text because it is quoted)"}},
        Bad{"seed_true",
            jsonl,
            R"({"prompt": "a", "seed": true})",
            {std::string("L:1:25: seed has the wrong type (expected ") + whole_seed + ", got true)"}},
        Bad{"seed_negative",
            jsonl,
            R"({"prompt": "a", "seed": -1})",
            {std::string("L:1:25: seed is out of range (expected ") + whole_seed + ", got -1)"}},
        Bad{"seed_beyond",
            jsonl,
            R"({"prompt": "a", "seed": 9223372036854775808})",
            {std::string("L:1:25: seed is out of range (expected ") + whole_seed +
             ", got 9223372036854775808)"}},
        Bad{"seed_word",
            jsonl,
            R"({"prompt": "a", "seed": "Auto"})",
            {std::string("L:1:25: seed has the wrong type (expected ") + whole_seed +
             ", got \"Auto\", which is text because it is quoted)"}},
        Bad{"width_zero",
            jsonl,
            R"({"prompt": "a", "width": 0})",
            {"L:1:26: width is out of range (expected a whole number from 1 to 16384, got 0)"}},
        Bad{"height_text",
            jsonl,
            R"({"prompt": "a", "height": "480"})",
            {"L:1:27: height has the wrong type (expected a whole number from 1 to 16384, got \"480\", which "
             "is text because it is quoted)"}},
        Bad{"frames_beyond",
            jsonl,
            R"({"prompt": "a", "frames": 10001})",
            {"L:1:27: frames is out of range (expected a whole number from 1 to 10000, got 10001)"}},
        Bad{"frames_huge",
            jsonl,
            R"({"prompt": "a", "frames": 99999999999999999999999})",
            {"L:1:27: frames is out of range (expected a whole number from 1 to 10000, got "
             "99999999999999999999999)"}},
        Bad{"fps_zero",
            jsonl,
            R"({"prompt": "a", "fps": 0})",
            {"L:1:24: fps is out of range (expected a number above 0, at most 1000, got 0)"}},
        Bad{"fps_huge",
            jsonl,
            R"({"prompt": "a", "fps": 1e999})",
            {"L:1:24: fps is out of range (expected a number above 0, at most 1000, got 1e999)"}},
        Bad{"id_number",
            jsonl,
            R"({"prompt": "a", "id": 7})",
            {"L:1:23: id has the wrong type (expected a string, got 7)"}},
        Bad{"id_slash",
            jsonl,
            R"({"id": "a/b", "prompt": "a"})",
            {"L:1:8: id is not valid (expected 1 to 128 letters, digits, '.', '_', '~' or '-', the first a "
             "letter or "
             "a digit, got \"a/b\")"}},
        Bad{"id_hidden",
            jsonl,
            R"({"id": ".a", "prompt": "a"})",
            {"L:1:8: id is not valid (expected 1 to 128 letters, digits, '.', '_', '~' or '-', the first a "
             "letter or "
             "a digit, got \".a\")"}},
        Bad{"id_empty",
            jsonl,
            R"({"id": "", "prompt": "a"})",
            {"L:1:8: id is not valid (expected 1 to 128 letters, digits, '.', '_', '~' or '-', the first a "
             "letter or "
             "a digit, got \"\")"}},
        Bad{"samples_zero",
            jsonl,
            R"({"prompt": "a", "samples": 0})",
            {"L:1:28: samples is out of range (expected a whole number from 1 to 1000000, got 0)"}},
        Bad{"samples_near",
            jsonl,
            R"({"prompt": "a", "sample": 2})",
            {"L:1:17: unknown field sample (expected a known field, or metadata under a name that is not so "
             "near "
             "to one); did you mean samples?"}},
        Bad{"samples_beyond",
            jsonl,
            R"({"prompt": "a", "seed": 9223372036854775807, "samples": 2})",
            {"L:1:1: the seeds of 2 samples go beyond the largest (expected a seed of at most "
             "9223372036854775806, got 9223372036854775807)"}},
        Bad{"sample_id_too_long",
            jsonl,
            R"({"prompt": "a", "samples": 2, "id": ")" + std::string(126, 'x') + "\"}",
            {"L:1:37: the id " + std::string(126, 'x') +
             "-s1 is too long (expected 1 to 128 letters, digits, '.', '_', '~' or '-', the first a letter "
             "or a "
             "digit, got 129 characters)"}},
        Bad{"resolution_word",
            jsonl,
            R"({"prompt": "a", "resolution": "480P"})",
            {"L:1:31: resolution has an unknown value (expected 480p, 720p, 1080p, 2k, 4k, got \"480P\"); "
             "did you "
             "mean 480p?"}},
        Bad{"resolution_number",
            jsonl,
            R"({"prompt": "a", "resolution": 480})",
            {"L:1:31: resolution has the wrong type (expected a string, got 480)"}},
        Bad{"aspect_ratio_form",
            jsonl,
            R"({"prompt": "a", "resolution": "480p", "aspect_ratio": "wide"})",
            {"L:1:55: aspect_ratio is not valid (expected W:H, two numbers above 0, at most 10000, got "
             "\"wide\")"}},
        Bad{"aspect_ratio_alone",
            jsonl,
            R"({"prompt": "a", "aspect_ratio": "1:1"})",
            {"L:1:17: aspect_ratio without a resolution (expected resolution: 480p, 720p, 1080p, 2k, 4k "
             "beside "
             "it)"}},
        Bad{"resolution_and_width",
            jsonl,
            R"({"prompt": "a", "width": 64, "resolution": "480p"})",
            {"L:1:30: resolution and width exclude each other (expected width and height, or resolution with "
             "aspect_ratio)"}},
        Bad{"all_at_once",
            jsonl,
            R"({"seed": -1, "width": "a", "fps": true})",
            {std::string("L:1:10: seed is out of range (expected ") + whole_seed + ", got -1)",
             "L:1:23: width has the wrong type (expected a whole number from 1 to 16384, got \"a\", which is "
             "text because it is quoted)",
             "L:1:35: fps has the wrong type (expected a number above 0, at most 1000, got true)",
             "L:1:1: prompt is missing (expected a field prompt)"}},
        Bad{"same_id",
            jsonl,
            "{\"id\": \"x\", \"prompt\": \"a\"}\n\n{\"prompt\": \"b\", \"id\": \"x\"}\n{\"id\": \"x\", "
            "\"prompt\": \"c\"}",
            {"L:3:23: the id x is already that of line 1 (expected an id of its own)",
             "L:4:8: the id x is already that of line 1 (expected an id of its own)"}},
        Bad{"generated_id_taken",
            jsonl,
            "{\"id\": \"000001\", \"prompt\": \"a\"}\n{\"prompt\": \"b\"}",
            {"L:2:1: the id 000001 is already that of line 1 (expected an id of its own)"}},
        Bad{"id_of_a_later_position",
            jsonl,
            "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"id\": \"000000\"}",
            {"L:2:23: the id 000000 is already that of line 1 (expected an id of its own)"}}),
    [](const auto& info) { return info.param.name; });

TEST(JsonList, TakesNullAsAbsentAndWholeFloatsAsWhole) {
  const Reading reading =
      read(jsonl, R"({"prompt": "a", "negative_prompt": null, "seed": 7.0, "frames": 5e0})");
  EXPECT_THAT(reading.messages(), IsEmpty());
  EXPECT_EQ(reading.list.items[0].request.negative_prompt, "blurry");
  EXPECT_EQ(reading.list.items[0].request.seed, 7);
  EXPECT_EQ(reading.list.items[0].request.frames, 5);
  EXPECT_THAT(read(jsonl, R"({"prompt": "a", "seed": 9007199254740994.0})").messages(),
              ElementsAre(testing::HasSubstr("seed may be rounded")));
}

TEST(Metadata, IsNamedOnce) {
  const Reading reading = read(jsonl,
                               "{\"prompt\": \"a\", \"style\": 1, \"metadata\": {\"steps\": "
                               "3}}\n{\"prompt\": \"b\", \"style\": 2, \"source\": null}\n");
  EXPECT_THAT(reading.messages(), IsEmpty());
  EXPECT_THAT(reading.list.warnings, IsEmpty());
  EXPECT_THAT(reading.list.metadata_names, ElementsAre("style", "metadata", "source"));
}

TEST(Warnings, AreOneForAMillionLinesOfAKind) {
  std::string text = "a cat\n";
  for (int i = 0; i < 5000; ++i) text += "# a comment\na cat --w 832 --h 480\n";
  const Reading reading = read(ListFormat::text, text);
  EXPECT_EQ(reading.list.items.size(), 10001u);
  ASSERT_EQ(reading.list.warnings.size(), 2u);
  EXPECT_EQ(reading.list.warnings[0].line, 2);
  EXPECT_THAT(reading.list.warnings[0].message, testing::EndsWith("(5000 in all)"));
  EXPECT_EQ(reading.list.warnings[1].line, 3);
  EXPECT_THAT(reading.list.warnings[1].message, testing::StartsWith("--w and --h are taken as part"));
}

TEST(HopelessList, IsGivenUpAfterAThousandProblems) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "{]\n";
  const Reading reading = read(jsonl, text);
  ASSERT_EQ(reading.problems.size(), max_list_problems + 1);
  EXPECT_EQ(describe(reading.problems.back()), "L:1000: reading stopped after 1000 problems");
}

TEST(HopelessList, OfEqualIdsIsCutShort) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "{\"id\": \"x\", \"prompt\": \"a\"}\n";
  EXPECT_EQ(read(jsonl, text).problems.size(), max_list_problems + 1);
}

TEST(List, IsTheSameWhereverItsBuffersAreCut) {
  // Lines of all lengths across the reader's buffer, against a plain split.
  std::mt19937 random{std::random_device{}()};
  std::string text;
  std::vector<std::string> expected;
  while (text.size() < (std::size_t{1} << 20)) {
    std::string line(1 + random() % 5000, 'x');
    line += "\xe7\x8c\xab" + std::to_string(expected.size());
    text += line + (random() % 2 == 0 ? "\n" : "\r\n");
    expected.push_back(std::move(line));
  }
  const Reading reading = read(ListFormat::text, text);
  EXPECT_THAT(reading.messages(), IsEmpty());
  EXPECT_EQ(prompts(reading.list), expected);
}

TEST(List, ReadTwiceGivesTheSameItems) {
  std::mt19937 random{std::random_device{}()};
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "{\"prompt\": \"p" + std::to_string(random()) + "\", \"seed\": " + std::to_string(random()) +
            (random() % 2 == 0 ? ", \"tag\": {\"k\": " + std::to_string(random()) + "}" : "") + "}\n";
  }
  const Reading once = read(jsonl, text);
  const Reading again = read(jsonl, text);
  ASSERT_EQ(once.list.items.size(), 500u);
  ASSERT_EQ(again.list.items.size(), 500u);
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(once.list.items[i].request, again.list.items[i].request);
    EXPECT_EQ(once.list.items[i].metadata, again.list.items[i].metadata);
  }
}

TEST(List, OfAnyBytesIsReadOrRefusedButNeverCrashes) {
  std::mt19937 random{std::random_device{}()};
  static constexpr std::string_view pieces[] = {"{",  "}",    "[",    "]",      "\"",           ":",    ",",
                                                "\\", "\\u",  "d83d", "prompt", "1e",           "-",    "0",
                                                ".",  "true", "\n",   "\r",     "\xef\xbb\xbf", "\xff", " "};
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 == 0 ? "" : R"({"prompt": "a", "m": )";
    for (auto left = random() % 40; left > 0; --left) text += pieces[random() % std::size(pieces)];
    const ListFormat format = round % 3 == 0 ? ListFormat::text : round % 3 == 1 ? jsonl : ListFormat::csv;
    if (format == ListFormat::csv) text.insert(0, "prompt,m\n");
    const Reading reading = read(format, text);
    for (const PackedItem& item : reading.list.items.packed()) EXPECT_NE(item.prompt, "");
    for (const Problem& problem : reading.problems) EXPECT_GE(problem.line, 1) << text;
  }
}

}  // namespace
}  // namespace ditmill::jobs::requests
