#include <gmock/gmock.h>
#include <sentencepiece_trainer.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "configs/error.h"
#include "configs/utf8.h"
#include "models/text/clean.h"
#include "models/tokenizers/most_tokens.h"
#include "models/tokenizers/read_tokenizer.h"
#include "models/tokenizers/sentencepiece.h"

namespace ditmill::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

using Options = std::unordered_map<std::string, std::string>;

class Sentences final : public sentencepiece::SentenceIterator {
 public:
  bool done() const override { return at_ == texts_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return texts_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> texts_{"a tabby cat asleep in the sun", "the quick brown fox jumps",
                                  "two red boats drift past a lighthouse at night"};
  std::size_t at_ = 0;
};

/// A trained unigram model of UMT5's shape, as bytes; with a character map and byte pieces.
std::string trained(Options changes = {}) {
  Options options{{"vocab_size", "400"},
                  {"hard_vocab_limit", "false"},
                  {"model_type", "unigram"},
                  {"byte_fallback", "1"},
                  {"character_coverage", "1.0"},
                  {"pad_id", "0"},
                  {"eos_id", "1"},
                  {"bos_id", "2"},
                  {"unk_id", "3"},
                  {"minloglevel", "3"}};
  for (auto& [name, value] : changes) options[name] = value;
  Sentences sentences;
  std::string bytes;
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &sentences, &bytes);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return bytes;
}

const std::string& model_bytes() {
  static const std::string bytes = trained();
  return bytes;
}

SentencePieceTokenizer tokenizer() { return SentencePieceTokenizer(model_bytes()); }

std::vector<int> joined(std::vector<std::vector<int>> parts) {
  std::vector<int> all;
  for (std::vector<int>& part : parts) {
    part.pop_back();  // </s>
    all.insert(all.end(), part.begin(), part.end());
  }
  all.push_back(1);
  return all;
}

TEST(Tokenizer, EndsEveryTextWithTheEndOfText) {
  EXPECT_THAT(tokenizer().encode("", 512), ElementsAre(1));
  EXPECT_EQ(tokenizer().encode("a cat", 512).back(), 1);
}

TEST(Tokenizer, KeepsTheEndOfTextWhenItTruncates) {
  const std::vector<int> whole = tokenizer().encode("two red boats drift", 512);
  ASSERT_GT(whole.size(), 4u);
  EXPECT_THAT(tokenizer().encode("two red boats drift", 3), ElementsAre(whole[0], whole[1], 1));
  EXPECT_THAT(tokenizer().encode("two red boats drift", 1), ElementsAre(1));
  EXPECT_EQ(tokenizer().encode("two red boats drift", static_cast<int>(whole.size())), whole);
}

TEST(Tokenizer, CountsTheTokensOfAWholeText) {
  const std::string words = "two red boats drift";
  EXPECT_EQ(tokenizer().count(words), tokenizer().encode(words, 512).size());
  std::string text;
  for (int i = 0; i < 300; ++i) text += words + " ";
  EXPECT_GT(tokenizer().count(text), 1500u);
  EXPECT_EQ(tokenizer().encode(text, 512).size(), 512u);
}

TEST(Tokenizer, NoTextHasMoreTokensThanItsBytesCanBecome) {
  const auto t = tokenizer();
  const auto expect_enough = [&t](const std::string& text) {
    EXPECT_LE(t.count(clean_prompt(text)), most_tokens(text)) << printable(text);
  };
  for (const char* text :
       {"", "a cat", "R&B &amp; &nGt; &#xFDFA;", "a\xff\xfe", "&&&&", "\u2018so\u2019 \u2014 \u2026"}) {
    expect_enough(text);
  }
  // All characters that normalisation can lengthen lie below U+3400, from U+F900 to U+20000, and at U+2F800.
  for (char32_t c = 1; c < 0x30000; ++c) {
    if ((c >= 0x3400 && c < 0xf900) || (c >= 0x20000 && c < 0x2f800)) continue;
    std::string text;
    for (int i = 0; i < 20; ++i) utf8::append(text, c);
    expect_enough(text);
  }
  const std::string words = "slow motion of rain on a window, shallow depth of field";
  EXPECT_LE(most_tokens(words), words.size() + 20) << "what most prompts are need no tokenizer";
  const std::string chinese = "一只红狐狸走过雪地，天空很蓝。";
  EXPECT_LE(most_tokens(chinese), chinese.size() + 20);
}

TEST(Tokenizer, MakesSpecialTokensInsideATextTheirIds) {
  const auto t = tokenizer();
  EXPECT_THAT(t.encode("</s>", 512), ElementsAre(1, 1));
  EXPECT_THAT(t.encode("<pad><s><unk>", 512), ElementsAre(0, 2, 3, 1));
  EXPECT_EQ(t.encode("cat</s>sun", 512), joined({t.encode("cat", 512), {1, 1}, t.encode("sun", 512)}));
}

TEST(Tokenizer, KeepsTheSpaceBeforeASpecialToken) {
  const auto t = tokenizer();
  const std::vector<int> tight = t.encode("cat</s>", 512);
  const std::vector<int> wide = t.encode("cat </s>", 512);
  EXPECT_EQ(wide.size(), tight.size() + 1);
  EXPECT_EQ(t.encode("cat\u200b</s>", 512), wide);
  EXPECT_EQ(t.encode("</s> cat", 512), t.encode("</s>cat", 512));
}

TEST(Tokenizer, AppendsUmt5sSentinelsBehindThePieces) {
  const auto t = tokenizer();
  const int all = t.vocabulary();
  EXPECT_THAT(t.encode("<extra_id_0><extra_id_3><extra_id_299>", 512),
              ElementsAre(all - 1, all - 4, all - 300, 1));
  EXPECT_THAT(t.encode("<extra_id_300>", 512), testing::Not(SizeIs(2)));
}

TEST(Tokenizer, LeavesTheSentinelsOfAModelWhereTheyAre) {
  const SentencePieceTokenizer t(
      trained({{"user_defined_symbols", "<extra_id_1>,<extra_id_0>,<extra_id_10>"}}));
  EXPECT_THAT(t.encode("<extra_id_1><extra_id_0><extra_id_10>", 512), ElementsAre(4, 5, 6, 1));
  EXPECT_LT(t.vocabulary(), tokenizer().vocabulary() - 250);
}

TEST(Tokenizer, SpellsUnknownCharactersInBytes) {
  const auto t = tokenizer();
  // Byte pieces come right behind the four special ones: 0xe6 0x9d 0xb1.
  EXPECT_THAT(t.encode("東", 512), testing::IsSupersetOf({4 + 0xe6, 4 + 0x9d, 4 + 0xb1}));
}

struct Refused {
  const char* name;
  std::string bytes;
  const char* words;
};

void expect_refused(const std::string& bytes, const char* words) {
  try {
    SentencePieceTokenizer{bytes};
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_THAT(error.what(), HasSubstr(words));
  }
}

/// A length-delimited field of a protocol buffers message shorter than 128 bytes.
std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

const std::string nan_score = std::string("\x15") + std::string("\x00\x00\xc0\x7f", 4);

TEST(MalformedTokenizer, IsRefusedWithAReason) {
  const std::string unknown = field(1, field(1, "<unk>") + "\x18\x02");
  for (const Refused& c : {
           Refused{"empty", "", "no pieces"},
           Refused{"text", "this is no model", "read the tokenizer's model"},
           Refused{"html", "<!DOCTYPE html><html></html>", "read the tokenizer's model"},
           Refused{"no unknown piece", field(1, field(1, "a")), "one unknown piece, got 0"},
           Refused{"two unknown pieces", unknown + unknown, "one unknown piece, got 2"},
           Refused{"empty piece", unknown + field(1, field(1, "")), "a piece of UTF-8 text, got piece 1"},
           Refused{"piece not UTF-8", unknown + field(1, field(1, "\xff")), "a piece of UTF-8 text"},
           Refused{"piece of type 9", unknown + field(1, field(1, "a") + "\x18\x09"),
                   "a piece of type 1 to 6, got 9"},
           Refused{"score NaN", unknown + field(1, field(1, "a") + nan_score), "a finite score, got piece 1"},
           Refused{"a BPE model", unknown + field(2, "\x18\x02"), "the tokenizer of another model"},
           Refused{"cut before the settings", unknown, "cut or damaged"},
           Refused{"cut between the settings", unknown + field(2, "\x18\x01"), "of a normalizer"},
           Refused{"short character map", unknown + field(3, field(2, "abc")), "a character map of 4 bytes"},
           Refused{"trie beyond the map", unknown + field(3, field(2, std::string("\xff\xff\x00\x00z", 5))),
                   "a trie of whole units"},
           Refused{"field that is too long",
                   "\x0a\x7f"
                   "a",
                   "127 more bytes, got 1"},
           Refused{"number that does not end", std::string("\x08") + std::string(12, '\xff'),
                   "at most ten bytes"},
           Refused{"group", "\x0b", "wire type 3"},
       }) {
    SCOPED_TRACE(c.name);
    expect_refused(c.bytes, c.words);
  }
}

TEST(MalformedTokenizer, NamesTheByte) {
  try {
    SentencePieceTokenizer{model_bytes().substr(0, model_bytes().size() - 3)};
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_TRUE(error.where().offset.has_value());
    EXPECT_EQ(error.where().file, "spiece.model");
  }
}

TEST(TokenizerFile, IsNamedWithWhatItIsInstead) {
  const std::string path = testing::TempDir() + "ditmill_spiece.model";
  const auto refusal = [&path](const std::string& bytes) -> std::string {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      read_tokenizer(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_EQ(error.where().file, path);
      return error.what();
    }
    return "accepted";
  };
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4548313\n";
  EXPECT_THAT(refusal(pointer), HasSubstr("git lfs pull"));
  EXPECT_THAT(refusal("\n <!DOCTYPE html><html>"), HasSubstr("an HTML page"));
  EXPECT_THAT(refusal(""), HasSubstr("an empty file"));
  EXPECT_THAT(refusal(std::string(4096, '\0')), HasSubstr("nothing but zeros"));
  EXPECT_THAT(refusal(model_bytes().substr(0, 2000)), HasSubstr("cut or damaged"));
  EXPECT_THAT(refusal(R"({"error": "Repository not found"})"), HasSubstr("fetch it again"));
  EXPECT_THAT(refusal(R"({"version": "1.0", "model": {"type": "Uni)"), HasSubstr("cut or damaged"));
  EXPECT_EQ(refusal(model_bytes()), "accepted");
  std::filesystem::remove(path);
  EXPECT_THROW(read_tokenizer(path), Error);
}

TEST(MalformedTokenizer, IsRefusedOrHarmlessWhereverItIsCutOrChanged) {
  std::mt19937 random(20261122);
  const std::string& good = model_bytes();
  int refused = 0;
  for (int round = 0; round < 150; ++round) {
    std::string bytes = good;
    if (round % 3 == 0) bytes.resize(random() % good.size());
    for (unsigned i = 0; i < random() % 20 && !bytes.empty(); ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    try {
      const SentencePieceTokenizer t(bytes);
      for (const char* text : {"a cat in the sun", "\uff21 \u00bd\u200b 東京 \U0001f98a", "x</s> y"}) {
        EXPECT_LE(t.encode(text, 64).size(), 64u);
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace ditmill::models
