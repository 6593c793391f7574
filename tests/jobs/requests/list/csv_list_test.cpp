#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/requests/list/prompt_list.h"

namespace ditmill::jobs::requests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Reading {
  PromptList list;
  std::vector<std::string> messages;
};

Reading read(std::string_view text) {
  Reading reading;
  std::vector<Problem> problems;
  const auto source = registry::memory_source("L", std::as_bytes(std::span{text}));
  const ItemDefaults defaults{.draft = {.request = {.negative_prompt = "blurry"}}, .name = "cats"};
  reading.list = read_prompt_list(*source, ListFormat::csv, defaults, problems);
  for (const Problem& problem : problems) reading.messages.push_back(describe(problem));
  return reading;
}

std::vector<std::string> prompts(std::string_view text) {
  const Reading reading = read(text);
  EXPECT_THAT(reading.messages, IsEmpty());
  std::vector<std::string> texts;
  for (const PackedItem& item : reading.list.items.packed()) texts.emplace_back(item.prompt);
  return texts;
}

TEST(CsvList, ReadsEveryColumn) {
  const Reading reading = read(
      "\xef\xbb\xbf"
      "author,id,prompt,negative_prompt,seed,width,height,frames,fps,samples,rating\r\n"
      "\"Me, \"\"I\"\"\",a.B,\"a \"\"cat\"\",\r\nasleep\",ugly,9223372036854775806,64,32,5,12.5,2,\r\n"
      "\r\n"
      ",,a dog,,auto,,,,,,4.5");
  EXPECT_THAT(reading.messages, IsEmpty());
  ASSERT_EQ(reading.list.items.size(), 3u);
  const Item first = reading.list.items[0];
  EXPECT_EQ(first.request, (configs::Request{.id = "a.B-s0",
                                             .prompt = "a \"cat\",\r\nasleep",
                                             .negative_prompt = "ugly",
                                             .seed = 9223372036854775806,
                                             .width = 64,
                                             .height = 32,
                                             .frames = 5,
                                             .fps = 12.5}));
  EXPECT_EQ(first.metadata, R"({"author":"Me, \"I\""})");
  EXPECT_EQ(first.line, 2);
  const Item last = reading.list.items[2];
  EXPECT_EQ(last.request.id, "000001");
  EXPECT_EQ(last.request.negative_prompt, "blurry");
  EXPECT_EQ(last.request.seed, seed_of("cats", "000001"));
  EXPECT_EQ(last.request.width, 832);
  EXPECT_EQ(last.metadata, R"({"rating":"4.5"})");
  EXPECT_EQ(last.line, 5);
}

TEST(CsvList, DerivesSizes) {
  const Reading reading = read("prompt,resolution,aspect_ratio\na,720p,\nb,480p,1:1\nc,,\n");
  EXPECT_THAT(reading.messages, IsEmpty());
  EXPECT_EQ(reading.list.items[0].request.width, 1280);
  EXPECT_EQ(reading.list.items[1].request.height, 624);
  EXPECT_EQ(reading.list.items[2].request.width, 832);
  ASSERT_EQ(reading.list.sizes.size(), 3u);
  EXPECT_EQ(reading.list.sizes[1].width.line, 3);
  EXPECT_EQ(reading.list.sizes[1].width.column, 3);
}

TEST(CsvList, QuotesAsRfc4180Says) {
  EXPECT_THAT(prompts("prompt\na\nb"), ElementsAre("a", "b"));
  EXPECT_THAT(prompts("prompt\r\na\r\nb\r\n"), ElementsAre("a", "b"));
  EXPECT_THAT(prompts("\"prompt\",\"x\"\n\"a\",\n\" b \",1\n"), ElementsAre("a", " b "));
  EXPECT_THAT(prompts("prompt\n\"a\n\n  \nb\"\n\n\"\"\"c\"\"\"\n"), ElementsAre("a\n\n  \nb", "\"c\""));
  EXPECT_THAT(prompts("x,prompt\n\",\",\"a,b\"\n"), ElementsAre("a,b"));
  EXPECT_THAT(prompts("x,prompt\n\"\",a\n"), ElementsAre("a"));
  EXPECT_THAT(prompts("prompt\ncaf\xc3\xa9 \xf0\x9f\x98\xba\n"), ElementsAre("caf\xc3\xa9 \xf0\x9f\x98\xba"));
  EXPECT_THAT(prompts("prompt\n007\n"), ElementsAre("007"));
  EXPECT_THAT(prompts("prompt,author\n\n \t\na,b\n"), ElementsAre("a"));
}

TEST(CsvList, OfAHeaderAloneHoldsNothing) { EXPECT_THAT(prompts("prompt,seed\n"), IsEmpty()); }

struct Bad {
  const char* name;
  std::string text;
  std::vector<std::string> messages;
  std::size_t items = 0;  ///< that are read all the same
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

const std::string whole_seed =
    "a whole number from 0 to 9223372036854775807, or \"auto\", which makes one of the job's name and the "
    "item's id";

class BadCsv : public testing::TestWithParam<Bad> {};

TEST_P(BadCsv, IsRefusedWhereItsRecordBegins) {
  const Reading reading = read(GetParam().text);
  EXPECT_EQ(reading.messages, GetParam().messages);
  EXPECT_EQ(reading.list.items.size(), GetParam().items);
}

INSTANTIATE_TEST_SUITE_P(
    Csv, BadCsv,
    testing::Values(
        Bad{"no_header",
            "a cat,7\na dog,8\n",
            {"L:1:1: the header has no column prompt (expected a first line that names the columns, got a "
             "cat,7)"}},
        Bad{"semicolons",
            "prompt;seed\na;7\n",
            {"L:1:1: the columns are separated by semicolons (expected commas: python3 -c 'import csv, sys; "
             "csv.writer(sys.stdout, lineterminator=\"\\n\").writerows(csv.reader(open(0, "
             "encoding=\"utf-8-sig\", newline=\"\"), delimiter=\";\"))' < L > L.csv)"}},
        Bad{"misspelt_columns",
            "promt,sead,author\na,7,x\n",
            {"L:1:1: unknown column promt (expected a known field, or metadata under a name that is not so "
             "near to "
             "one); did you mean prompt?",
             "L:1:7: unknown column sead (expected a known field, or metadata under a name that is not so "
             "near to "
             "one); did you mean seed?"}},
        Bad{"blank_before_a_name",
            "prompt, seed\na,7\n",
            {"L:1:8: unknown column  seed: it is called seed (expected seed; or, to be kept only, under the "
             "name metadata. seed)"}},
        Bad{"columns_twice",
            "prompt,seed,x,seed,x\na,1,2,3,4\n",
            {"L:1:15: the column seed is there twice", "L:1:20: the column x is there twice"}},
        Bad{"column_without_a_name",
            "prompt,\na,\n",
            {"L:1:8: a column without a name (expected a name for each column of the header, and no empty "
             "columns at its end)"}},
        Bad{"too_few_and_too_many",
            "prompt,seed\na\nb,1\nc,2,3\n",
            {"L:2:1: the record has not as many fields as the header (expected 2 fields, got 1 field)",
             "L:4:1: the record has not as many fields as the header (expected 2 fields; one with "
             "a comma in it has to be put into double quotes, got 3 fields)"},
            1},
        Bad{"stray_quote",
            "prompt,x\n\"a\nb\",c\na \"cat\",1\nd,2\n",
            {"L:4:3: a quote within a field that does not begin with one: put the field into quotes, and "
             "write each "
             "quote within it twice"},
            2},
        Bad{"text_after_a_quote",
            "prompt,x\n\"a\" b,1\nc,2\n",
            {"L:2:4: text after the closing quote of a field: a quote within it is written twice"},
            1},
        Bad{"quote_after_a_quote",
            "prompt,x\n\"a\"\"b\"\"\" \"\n",
            {"L:2:9: text after the closing quote of a field: a quote within it is written twice"}},
        Bad{"unterminated",
            "prompt,x\na,1\nb,\"2\nc,3\nd,4\n",
            {"L:3: a quoted field that is never closed"},
            1},
        Bad{"unterminated_in_the_header", "prompt,\"x\na,1\n", {"L:1: a quoted field that is never closed"}},
        Bad{"unterminated_in_a_long_list",
            "prompt\n\"a\n" + std::string(600'000, 'x') + "\n" + std::string(600'000, 'x') + "\n\"\nb\n",
            {"L:2: a record of over 1048576 bytes (expected a closing quote before that)"}},
        Bad{"old_mac_lines", "prompt\ra\rb\r", {"L:1:7: a carriage return outside quotes"}},
        Bad{"not_utf8",
            "prompt\n\"a\n\xff\nb\"\ncaf\xe9\nc\n",
            {"L:2: not UTF-8 text (expected UTF-8; of Windows' CP1252: iconv -f CP1252 -t UTF-8 L > "
             "L-utf8, got byte \\xff)",
             "L:5:4: not UTF-8 text (expected UTF-8, got byte \\xe9)"},
            1},
        Bad{"no_prompt",
            "prompt,seed\n,1\n\" \",2\n",
            {"L:2:1: prompt is empty (expected text)", "L:3:1: prompt is empty (expected text)"}},
        Bad{"nul",
            std::string("prompt\na\0b\n", 11),
            {"L:2:1: prompt holds a NUL character (expected text, got \\u0000)"}},
        Bad{"seeds",
            "prompt,seed\na,1.5\nb,-1\nc,x\nd,9223372036854775808\ne, 1\n",
            {"L:2:3: seed has the wrong type (expected " + whole_seed + ", got 1.5)",
             "L:3:3: seed is out of range (expected " + whole_seed + ", got -1)",
             "L:4:3: seed has the wrong type (expected " + whole_seed + ", got x)",
             "L:5:3: seed is out of range (expected " + whole_seed + ", got 9223372036854775808)",
             "L:6:3: seed has the wrong type (expected " + whole_seed + ", got  1)"}},
        Bad{"value_on_a_later_line",
            "prompt,width\n\"a\nb\",x\n",
            {"L:2: width has the wrong type (expected a whole number from 1 to 16384, got x)"}},
        Bad{"same_id",
            "id,prompt\nx,a\n\"y\",\"b\nb\"\nx,c\n000000,d\n,e\n",
            {"L:5:1: the id x is already that of line 2 (expected an id of its own)"},
            5},
        Bad{"sizes",
            "prompt,width,resolution,aspect_ratio\na,64,480p,\nb,,,1:1\nc,,480p,1\n",
            {"L:2:6: resolution and width exclude each other (expected width and height, or resolution with "
             "aspect_ratio)",
             "L:3:5: aspect_ratio without a resolution (expected resolution: 480p, 720p, 1080p, 2k, 4k "
             "beside it)",
             "L:4:9: aspect_ratio is not valid (expected W:H, two numbers above 0, at most 10000, got 1)"}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ditmill::jobs::requests
