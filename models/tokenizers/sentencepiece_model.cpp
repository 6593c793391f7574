#include "models/tokenizers/sentencepiece_model.h"

#include <bit>
#include <cmath>
#include <string>

#include "configs/utf8.h"
#include "models/text/character_map.h"
#include "models/text/wire.h"

namespace ditmill::models {
namespace {

constexpr std::uint64_t unigram = 1;

// Field numbers of sentencepiece_model.proto.
namespace model_field {
constexpr std::uint32_t pieces = 1, trainer = 2, normalizer = 3;
}
namespace piece_field {
constexpr std::uint32_t text = 1, score = 2, type = 3;
}
namespace trainer_field {
constexpr std::uint32_t model_type = 3;
}
namespace normalizer_field {
constexpr std::uint32_t character_map = 2, remove_extra_spaces = 4;
}

SentencePieceModel::Piece read_piece(const WireField& message, std::size_t id) {
  SentencePieceModel::Piece piece;
  WireReader reader(message.bytes, message.offset);
  while (const auto field = reader.next()) {
    if (field->number == piece_field::text) piece.text = field->bytes;
    if (field->number == piece_field::score) {
      const auto score = std::bit_cast<float>(static_cast<std::uint32_t>(field->value));
      if (!std::isfinite(score)) refuse_model(field->offset, "a finite score", "piece " + std::to_string(id));
    }
    if (field->number == piece_field::type) {
      if (field->value < 1 || field->value > 6) {
        refuse_model(field->offset, "a piece of type 1 to 6", std::to_string(field->value));
      }
      piece.type = static_cast<SentencePieceModel::Type>(field->value);
    }
  }
  if (piece.text.empty() || utf8::find_invalid(piece.text) != std::string_view::npos) {
    refuse_model(message.offset, "a piece of UTF-8 text", "piece " + std::to_string(id));
  }
  return piece;
}

void read_trainer(const WireField& message) {
  WireReader reader(message.bytes, message.offset);
  while (const auto field = reader.next()) {
    if (field->number == trainer_field::model_type && field->value != unigram) {
      refuse_model(field->offset, "a unigram model (type 1)", "type " + std::to_string(field->value),
                   "it is the tokenizer of another model: take the one of the text encoder");
    }
  }
}

void read_normalizer(const WireField& message, SentencePieceModel& model) {
  WireReader reader(message.bytes, message.offset);
  while (const auto field = reader.next()) {
    if (field->number == normalizer_field::character_map && !field->bytes.empty()) {
      check_character_map(field->bytes, field->offset);
    }
    if (field->number == normalizer_field::remove_extra_spaces)
      model.removes_extra_spaces = field->value != 0;
  }
}

}  // namespace

SentencePieceModel read_sentencepiece_model(std::string_view bytes) {
  SentencePieceModel model;
  std::size_t unknown = 0;
  bool has_trainer = false;
  bool has_normalizer = false;
  WireReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->number == model_field::pieces) {
      model.pieces.push_back(read_piece(*field, model.pieces.size()));
      if (model.pieces.back().type == SentencePieceModel::Type::unknown) ++unknown;
    }
    if (field->number == model_field::trainer) {
      read_trainer(*field);
      has_trainer = true;
    }
    if (field->number == model_field::normalizer) {
      read_normalizer(*field, model);
      has_normalizer = true;
    }
  }
  if (model.pieces.empty()) refuse_model(0, "a sentencepiece model", "no pieces");
  if (unknown != 1) refuse_model(0, "one unknown piece", std::to_string(unknown));
  // Every trainer writes both, behind the pieces: without them the file may have been cut between two pieces.
  if (!has_trainer || !has_normalizer) {
    refuse_model(bytes.size(), "settings of a trainer and of a normalizer behind the pieces",
                 "the end of the file");
  }
  return model;
}

}  // namespace ditmill::models
