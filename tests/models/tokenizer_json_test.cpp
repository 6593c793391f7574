#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "configs/error.h"
#include "models/tokenizers/read_tokenizer.h"
#include "models/tokenizers/unigram/unicode.h"
#include "models/tokenizers/unigram/unigram.h"

namespace ditmill::models {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json added(const std::string& content, json changes = json::object()) {
  json token{{"id", 0},         {"content", content},  {"single_word", false}, {"lstrip", false},
             {"rstrip", false}, {"normalized", false}, {"special", true}};
  token.update(changes);
  return token;
}

/// Ids: <pad> 0, </s> 1, <unk> 2, ▁ 3, a 4, b 5, ab 6, ▁a 7, é 8; then <x> 9, the only token that is no
/// piece.
json whole() {
  const json end{{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}};
  const json text{{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  return {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", {added("<pad>"), added("</s>"), added("<unk>"), added("<x>")}},
      {"normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}}},
      {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", {text, end}},
        {"pair", {text, end}},
        {"special_tokens",
         {{"</s>", {{"id", "</s>"}, {"ids", json::array({1})}, {"tokens", json::array({"</s>"})}}}}}}},
      {"decoder", nullptr},
      {"model",
       {{"type", "Unigram"},
        {"unk_id", 2},
        {"byte_fallback", false},
        {"vocab", json::parse(R"([["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁", -2], ["a", -1], ["b", -1],
                                      ["ab", -2], ["▁a", -3], ["é", -4]])")}}}};
}

json with(const std::string& pointer, const json& value) {
  json changed = whole();
  changed[json::json_pointer(pointer)] = value;
  return changed;
}

json without(const std::string& part, const std::string& field) {
  json changed = whole();
  changed[json::json_pointer(part)].erase(field);
  return changed;
}

std::vector<int> ids(const json& file, const std::string& text, int most = 512) {
  return make_tokenizer(file.dump())->encode(text, most);
}

TEST(TokenizerJson, IsToldFromASpieceModelByItsContent) {
  EXPECT_THAT(make_tokenizer(whole().dump())->encode("b", 512), ElementsAre(3, 5, 1));
  EXPECT_THAT(make_tokenizer("\n\t " + whole().dump(2))->encode("b", 512), ElementsAre(3, 5, 1));
  try {
    make_tokenizer("\x0a\x0e\x0a\x05<pad>");
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.where().file, "spiece.model");
  }
}

TEST(TokenizerJson, KeepsTheFirstOfEquallyGoodWaysToCut) {
  // "▁a" and "▁" + "a" both score -3, "ab" and "a" + "b" both -2: the longer last piece comes first, and
  // stays.
  EXPECT_THAT(ids(whole(), "ab"), ElementsAre(3, 6, 1));
  EXPECT_THAT(ids(whole(), "a"), ElementsAre(7, 1));
  EXPECT_THAT(ids(with("/pre_tokenizer", nullptr), "ab"), ElementsAre(6, 1));
}

TEST(TokenizerJson, TakesTheLastOfPiecesWithOneText) {
  json file = whole();
  file["model"]["vocab"].push_back(json::array({"b", -0.5}));
  EXPECT_THAT(ids(file, "b"), ElementsAre(3, 9, 1));
}

TEST(TokenizerJson, JoinsUnknownCharactersOrSpellsThemInBytes) {
  EXPECT_THAT(ids(whole(), "☃☃b"), ElementsAre(3, 2, 5, 1));
  json file = with("/model/byte_fallback", true);
  for (const char* byte : {"<0xE2>", "<0x98>"}) file["model"]["vocab"].push_back(json::array({byte, 0}));
  EXPECT_THAT(ids(file, "☃"), ElementsAre(3, 2, 1)) << "a byte is missing";
  file["model"]["vocab"].push_back(json::array({"<0x83>", 0}));
  EXPECT_THAT(ids(file, "☃"), ElementsAre(3, 9, 10, 11, 1));
}

TEST(TokenizerJson, CutsTheTextAndKeepsWhatTheTemplateAdds) {
  EXPECT_THAT(ids(whole(), "bbbb", 3), ElementsAre(3, 5, 1));
  EXPECT_THAT(ids(whole(), "bbbb", 1), ElementsAre(1));
  EXPECT_THAT(ids(whole(), "", 3), ElementsAre(1));
  EXPECT_THAT(ids(with("/post_processor", nullptr), "bbbb", 3), ElementsAre(3, 5, 5));
}

TEST(TokenizerJson, FillsUpWithThePadToken) {
  const auto tokenizer = make_tokenizer(whole().dump());
  const PaddedIds padded = pad(tokenizer->encode("b", 5), 5, tokenizer->pad_id());
  EXPECT_THAT(padded.ids, ElementsAre(3, 5, 1, 0, 0));
  EXPECT_THAT(padded.attention_mask, ElementsAre(1, 1, 1, 0, 0));
  EXPECT_THAT(pad({1, 2, 3}, 2, 0).ids, ElementsAre(1, 2, 3));
  const json named{{"strategy", {{"Fixed", 9}}}, {"direction", "Right"}, {"pad_id", 7}, {"pad_token", "x"}};
  EXPECT_EQ(make_tokenizer(with("/padding", named).dump())->pad_id(), 7);
}

TEST(TokenizerJson, NumbersAddedTokensBehindThePieces) {
  EXPECT_THAT(ids(whole(), "b<x>b"), ElementsAre(3, 5, 9, 3, 5, 1));
  EXPECT_EQ(make_tokenizer(whole().dump())->vocabulary(), 10);
}

TEST(TokenizerJson, HeedsTheFlagsOfAddedTokens) {
  struct Case {
    json flags;
    const char* text;
    std::vector<int> wanted;
  };
  for (const Case& c : std::vector<Case>{
           {json::object(), "b <x> b", {3, 5, 3, 9, 3, 5, 1}},
           {{{"lstrip", true}}, "b \u3000<x> b", {3, 5, 9, 3, 5, 1}},
           {{{"rstrip", true}}, "b<x> \t", {3, 5, 9, 1}},
           {{{"single_word", true}}, "b<x>", {3, 5, 2, 1}},
           {{{"single_word", true}}, "-<x>-", {3, 2, 9, 3, 2, 1}},
       }) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(ids(with("/added_tokens", json::array({added("<x>", c.flags)})), c.text), c.wanted);
  }
}

TEST(TokenizerJson, LooksForNormalizedTokensInNormalizedText) {
  json file = with("/added_tokens", json::array({added("XY", {{"normalized", true}})}));
  file["normalizer"] = {{"type", "Lowercase"}};
  EXPECT_THAT(ids(file, "bxYb"), ElementsAre(3, 5, 9, 3, 5, 1));
}

TEST(TokenizerJson, MakesBytesThatAreNotUtf8OneUnknownCharacterEach) {
  EXPECT_EQ(ids(whole(), "b\xff"), ids(whole(), "b\ufffd"));
}

TEST(TokenizerJson, KnowsGraphemeClusters) {
  struct Case {
    const char* text;
    std::vector<std::size_t> ends;
  };
  for (const Case& c : std::vector<Case>{
           {"", {}},
           {"ab", {1, 2}},
           {"\r\n\n", {2, 3}},
           {"e\u0301x", {3, 4}},
           {"\u1100\u1161\u11a8\u1100", {9, 12}},
           {"\U0001f1e9\U0001f1ea\U0001f1eb", {8, 12}},
           {"\U0001f468\u200d\U0001f469a", {11, 12}},
           {"a\u200d\U0001f469", {4, 8}},
           {"\u0915\u094d\u0937", {9}},
           {"\u0915\u0937", {3, 6}},
           {"\u0600a", {3}},
       }) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(grapheme_ends(c.text), c.ends);
  }
}

TEST(TokenizerJson, ReadsScoresAsTheLibraryDoes) {
  // Digits as a whole number, then one division: not always the nearest double.
  EXPECT_EQ(read_score("-2.5"), -2.5);
  EXPECT_EQ(read_score("1e2"), 100.0);
  EXPECT_EQ(read_score("0e999"), 0.0);
  EXPECT_EQ(read_score("1e-400"), 0.0);
  EXPECT_EQ(read_score("1e999"), std::nullopt);
  EXPECT_EQ(read_score("1" + std::string(400, '0')), std::nullopt);
  EXPECT_EQ(read_score("2.0122928619384766"), 20122928619384766.0 / 1e16);
  EXPECT_EQ(read_score("0.10000000000000000000000000000001"), 1e18 / 1e19);
}

struct Refused {
  const char* name;
  json file;
  Category category;
  const char* key;
};

TEST(MalformedTokenizerJson, IsRefusedByField) {
  const Category bad = Category::bad_input;
  const Category lacks = Category::unsupported;
  for (const Refused& c : std::vector<Refused>{
           {"version", with("/version", "2.0"), lacks, "version"},
           {"no model", without("", "model"), bad, "model"},
           {"model", with("/model/type", "BPE"), lacks, "model.type"},
           {"no vocabulary", without("/model", "vocab"), bad, "model.vocab"},
           {"vocabulary of BPE", with("/model/vocab", {{"a", 1}}), bad, "model.vocab"},
           {"empty vocabulary", with("/model/vocab", json::array()), bad, "model.vocab"},
           {"unk_id", with("/model/unk_id", 9), bad, "model.unk_id"},
           {"unk_id below 0", with("/model/unk_id", -1), bad, "model.unk_id"},
           {"byte_fallback", with("/model/byte_fallback", 1), bad, "model.byte_fallback"},
           {"normalizer", with("/normalizer/type", "BertNormalizer"), lacks, "normalizer.type"},
           {"no type", without("/normalizer", "type"), bad, "normalizer"},
           {"regex", with("/normalizer/pattern/Regex", "(a|b)"), lacks, "normalizer.pattern.Regex"},
           {"regex of nothing", with("/normalizer/pattern/Regex", "a*"), lacks, "normalizer.pattern.Regex"},
           {"no content", without("/normalizer", "content"), bad, "normalizer"},
           {"base64", with("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "AB*="}}), bad,
            "normalizer.precompiled_charsmap"},
           {"map", with("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "/////wAA"}}), bad,
            "normalizer.precompiled_charsmap"},
           {"inside a sequence",
            with("/normalizer",
                 {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}, {{"type", "Nmt"}}}}}),
            lacks, "normalizer.normalizers[1].type"},
           {"pre-tokenizer", with("/pre_tokenizer/type", "ByteLevel"), lacks, "pre_tokenizer.type"},
           {"scheme", with("/pre_tokenizer/prepend_scheme", "last"), bad, "pre_tokenizer.prepend_scheme"},
           {"prefix", with("/pre_tokenizer/add_prefix_space", false), bad, "pre_tokenizer.add_prefix_space"},
           {"replacement", with("/pre_tokenizer/replacement", "__"), bad, "pre_tokenizer.replacement"},
           {"processor", with("/post_processor/type", "BertProcessing"), lacks, "post_processor.type"},
           {"second text", with("/post_processor/single/0/Sequence/id", "B"), lacks,
            "post_processor.single[0].Sequence.id"},
           {"no text", with("/post_processor/single", json::array()), lacks, "post_processor.single"},
           {"no such token", with("/post_processor/special_tokens", json::object()), bad,
            "post_processor.special_tokens"},
           {"an id beyond int", with("/post_processor/special_tokens/<~1s>/ids/0", 4294967295), bad,
            "post_processor.special_tokens.</s>.ids[0]"},
           {"token without flags", with("/added_tokens/0", {{"id", 0}, {"content", "x"}}), bad,
            "added_tokens[0]"},
           {"added tokens", with("/added_tokens", nullptr), bad, "added_tokens"},
           {"left padding", with("/padding", {{"direction", "Left"}, {"pad_id", 0}}), lacks,
            "padding.direction"},
           {"left truncation", with("/truncation", {{"direction", "Left"}}), lacks, "truncation.direction"},
       }) {
    SCOPED_TRACE(c.name);
    try {
      make_tokenizer(c.file.dump());
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), c.category) << error.what();
      EXPECT_EQ(error.where().key, c.key) << error.what();
      EXPECT_EQ(error.where().file, "tokenizer.json");
    }
  }
}

TEST(MalformedTokenizerJson, IsRefusedByByte) {
  struct Case {
    const char* vocabulary;
    const char* words;
  };
  for (const Case& c : std::vector<Case>{{"[]", "a piece and its score"},
                                         {R"(["a"])", "a score"},
                                         {R"(["a", 0, 1])", "more than two"},
                                         {R"([1, "a"])", "string"},
                                         {R"(["a", "b"])", "a digit"},
                                         {R"(["a", 1e999])", "a double can hold"},
                                         {R"(["\ud800", 0])", "surrogate"},
                                         {"[\"a\xff\", 0]", "UTF-8"}}) {
    SCOPED_TRACE(c.vocabulary);
    try {
      make_tokenizer(std::string(R"({"model": {"type": "Unigram", "vocab": [)") + c.vocabulary + "]}}");
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_TRUE(error.where().offset.has_value());
      EXPECT_THAT(error.what(), HasSubstr(c.words));
    }
  }
}

TEST(MalformedTokenizerJson, SaysWhichCharacterHasNoPiece) {
  const auto tokenizer = make_tokenizer(with("/model/unk_id", nullptr).dump());
  EXPECT_THAT(tokenizer->encode("b", 512), ElementsAre(3, 5, 1));
  try {
    tokenizer->encode("b☃", 512);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("☃"));
  }
}

TEST(MalformedTokenizerJson, IsRefusedOrHarmlessWhereverItIsCutOrChanged) {
  std::mt19937 random(20261124);
  const std::string good = whole().dump();
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    if (round % 5 == 0) bytes.resize(random() % good.size());
    for (unsigned i = 0; i < 1 + random() % 3 && !bytes.empty(); ++i) {
      const char* const signs = "{}[]\",:0123456789-e.truefalsn\\u \xc3";
      bytes[random() % bytes.size()] = random() % 4 == 0 ? static_cast<char>(random()) : signs[random() % 36];
    }
    try {
      const UnigramTokenizer t(bytes);
      for (const char* text : {"a  b ab", "\uff21 \u00bd\u200b 東京 \U0001f98a", "x</s> y<x>"}) {
        EXPECT_LE(t.encode(text, 8).size(), 8u);
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 3000);
}

}  // namespace
}  // namespace ditmill::models
