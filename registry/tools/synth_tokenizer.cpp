#include "registry/tools/synth_tokenizer.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "configs/error.h"

namespace ditmill::registry {
namespace {

using nlohmann::json;

constexpr std::string_view words =
    "the of and to in is it that with as was on for at by from are this his her an be or not have had "
    "they which one all we can out into up other there when time then some two see more no way could "
    "people my than first been call who its now find long down day did get come made may part over new "
    "sound take only little work know place years live me back give most very after things our just "
    "name good sentence man think say great where help through much before line right too means old any "
    "same tell boy follow came want show also around form three small set put end does another well "
    "large must big even such because turn here why ask went men read need land different home us move "
    "try kind hand picture again change off play spell air away animal house point page letter mother "
    "answer found study still learn should world high every near add food between own below country "
    "plant last school father keep tree never start city earth eye light thought head under story saw "
    "left few while along might close something seem next hard open example begin life always those "
    "both paper together got group often run important until children side feet car mile night walk "
    "white sea began grow took river four carry state once book hear stop without second later miss "
    "idea enough eat face watch far really almost let above girl sometimes mountain cut young talk soon "
    "list song being leave family body music color stand sun question fish area mark dog horse birds "
    "problem complete room knew since ever piece told usually friends easy heard order red door sure "
    "become top ship across today during short better best however low hours black products happened "
    "whole measure remember early waves reached listen wind rock space covered fast several hold "
    "himself toward five step morning passed vowel true hundred against pattern numeral table north "
    "slowly money map farm pulled draw voice cold cried plan notice south sing war ground fall king "
    "town unit figure certain field travel wood fire upon cat fox lazy quick brown jumps rain snow "
    "window ";

constexpr std::string_view space = "\xe2\x96\x81";  // U+2581, in the place of white space
constexpr std::size_t sentinels = 300;
constexpr std::size_t all_pieces = 724;
constexpr int byte_values = 256;
constexpr char first_character = '!';
constexpr char last_character = '~';

/// Numbers of sentencepiece_model.proto.
enum class PieceType { normal = 1, unknown = 2, control = 3, unused = 5, byte = 6 };
constexpr int unigram = 1;

struct Piece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::normal;
};

std::vector<Piece> all_of_them() {
  std::vector<Piece> pieces;
  for (const char* control : {"<pad>", "</s>", "<s>"}) pieces.push_back({control, 0, PieceType::control});
  pieces.push_back({"<unk>", 0, PieceType::unknown});
  for (int value = 0; value < byte_values; ++value)
    pieces.push_back({fmt::format("<0x{:02X}>", value), 0, PieceType::byte});
  // A word is better than its letters; scores are sums of powers of two, the same in every text form.
  constexpr float letter = -9;
  constexpr float word = -6;
  constexpr float rank = 1.0F / 256;
  pieces.push_back({std::string{space}, word, PieceType::normal});
  for (char c = first_character; c <= last_character; ++c)
    pieces.push_back({std::string(1, c), letter - rank * static_cast<float>(c), PieceType::normal});
  float score = word;
  for (std::string_view rest = words; !rest.empty() && pieces.size() < all_pieces; score -= rank) {
    const std::size_t end = rest.find(' ');
    pieces.push_back({std::string{space} + std::string{rest.substr(0, end)}, score, PieceType::normal});
    rest.remove_prefix(end + 1);
  }
  for (std::size_t i = 0; pieces.size() < all_pieces; ++i)
    pieces.push_back({fmt::format("<unused_{}>", i), 0, PieceType::unused});
  return pieces;
}

/// A protocol buffers message.
class Message {
 public:
  Message& number(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(value);
    return *this;
  }
  Message& real(int field, float value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int i = 0; i < 4; ++i) text_ += static_cast<char>(bits >> (8 * i));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    text_ += value;
    return *this;
  }
  const std::string& bytes() const noexcept { return text_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }

  std::string text_;
};

/// ModelProto: pieces, TrainerSpec, NormalizerSpec.
std::string spiece_model(const std::vector<Piece>& pieces) {
  Message model;
  for (const Piece& piece : pieces) {
    Message one;
    one.text(1, piece.text).real(2, piece.score).number(3, static_cast<std::uint64_t>(piece.type));
    model.text(1, one.bytes());
  }
  Message trainer;
  trainer.number(3, unigram).number(4, pieces.size()).number(35, 1);  // model_type, vocab_size, byte_fallback
  trainer.number(40, 3).number(41, 2).number(42, 1).number(43, 0);    // ids of unk, bos, eos, pad
  Message normalizer;
  normalizer.text(1, "identity").number(3, 1).number(4, 1).number(5, 1);  // a space before, no two, escaped
  return model.text(2, trainer.bytes()).text(3, normalizer.bytes()).bytes();
}

json tokenizer_json(const std::vector<Piece>& pieces) {
  json vocabulary = json::array();
  json added = json::array();
  const auto add_special = [&added](const std::string& text, std::size_t id) {
    added.push_back({{"id", id},
                     {"content", text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  };
  for (const Piece& piece : pieces) {
    if (piece.type == PieceType::control || piece.type == PieceType::unknown)
      add_special(piece.text, vocabulary.size());
    vocabulary.push_back({piece.text, piece.score});
  }
  for (std::size_t i = sentinels; i-- > 0;) {
    const std::string sentinel = fmt::format("<extra_id_{}>", i);
    add_special(sentinel, vocabulary.size());
    vocabulary.push_back({sentinel, 0});
  }
  const json spaces{
      {"type", "Metaspace"}, {"replacement", space}, {"prepend_scheme", "always"}, {"split", true}};
  const auto sequence = [](const char* id, int type) {
    return json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  const auto end = [](int type) { return json{{"SpecialToken", {{"id", "</s>"}, {"type_id", type}}}}; };
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}}},
          {"pre_tokenizer", spaces},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", json::array({sequence("A", 0), end(0)})},
            {"pair", json::array({sequence("A", 0), end(0), sequence("B", 0), end(0)})},
            {"special_tokens",
             {{"</s>", {{"id", "</s>"}, {"ids", json::array({1})}, {"tokens", json::array({"</s>"})}}}}}}},
          {"decoder", spaces},
          {"model", {{"type", "Unigram"}, {"unk_id", 3}, {"vocab", vocabulary}, {"byte_fallback", true}}}};
}

}  // namespace

TokenizerFiles synthetic_tokenizer(std::uint64_t rows) {
  if (rows < all_pieces + sentinels) {
    throw Error{Category::usage, "make a tokenizer", Where{},
                Expected{fmt::format("an embedding of {} rows or more", all_pieces + sentinels)},
                Got{std::to_string(rows)}};
  }
  const std::vector<Piece> pieces = all_of_them();
  const json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                    {"pad_token", "<pad>"},
                    {"eos_token", "</s>"},
                    {"unk_token", "<unk>"},
                    {"model_max_length", 512},
                    {"padding_side", "right"}};
  return {.spiece_model = spiece_model(pieces),
          .tokenizer_json = tokenizer_json(pieces).dump() + "\n",
          .config_json = config.dump(2) + "\n"};
}

}  // namespace ditmill::registry
