#include "models/tokenizers/unigram/tokenizer_json.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "models/tokenizers/unigram/json_field.h"
#include "registry/formats/json_document.h"
#include "registry/formats/json_scanner.h"

namespace ditmill::models {
namespace {

using registry::JsonKind;
using registry::JsonScanner;

[[noreturn]] void fail(Category category, std::string key, std::string expected, std::string got) {
  throw Error{category,
              std::string(JsonField::doing),
              Where{.file = std::string(JsonField::file), .key = std::move(key)},
              Expected{std::move(expected)},
              Got{std::move(got)},
              category == Category::unsupported ? "use a tokenizer of the T5 family"
                                                : "the file is cut or damaged: fetch it again"};
}

/// A value that is small: the vocabulary is read elsewhere.
nlohmann::json read_small(JsonScanner& scanner, std::string_view bytes) {
  const std::size_t begin = scanner.offset();
  scanner.skip();
  return registry::parse_json(bytes.substr(begin, scanner.offset() - begin), std::string(JsonField::doing),
                              std::string(JsonField::file));
}

void read_piece(JsonScanner& scanner, TokenizerJson::Unigram& model) {
  scanner.begin_array();
  const std::uint64_t place = scanner.offset();
  if (!scanner.next_element()) scanner.fail(place, "a piece and its score", "an empty array");
  model.pieces.push_back(scanner.string());
  if (!scanner.next_element()) scanner.fail(place, "a score behind the piece", "nothing");
  const std::uint64_t score_place = scanner.offset();
  const auto score = read_score(scanner.number());
  if (!score) scanner.fail(score_place, "a score that a double can hold", scanner.shown(score_place));
  model.scores.push_back(*score);
  if (scanner.next_element()) scanner.fail(place, "a piece and its score", "more than two values");
}

void read_vocabulary(JsonScanner& scanner, TokenizerJson::Unigram& model) {
  scanner.begin_array();
  while (scanner.next_element()) {
    if (model.pieces.size() == static_cast<std::size_t>(std::numeric_limits<int>::max())) {
      scanner.fail(scanner.offset(), "fewer than 2^31 pieces", "more");
    }
    read_piece(scanner, model);
  }
}

TokenizerJson::Unigram read_model(JsonScanner& scanner, std::string_view bytes) {
  TokenizerJson::Unigram model;
  nlohmann::json fields = nlohmann::json::object();
  bool has_vocabulary = false;
  scanner.begin_object();
  while (scanner.next_member()) {
    const std::string key = scanner.key();
    if (key == "vocab" && scanner.peek() == JsonKind::array) {
      read_vocabulary(scanner, model);
      has_vocabulary = true;
    } else if (key == "type" || key == "unk_id" || key == "byte_fallback") {
      fields[key] = read_small(scanner, bytes);
    } else {
      scanner.skip();
    }
  }
  const JsonField field(fields, "model");
  const auto type = field.find("type");
  if (type && type->text() != "Unigram") type->unsupported("\"Unigram\"");
  if (!has_vocabulary) fail(Category::bad_input, "model.vocab", "an array of pieces and scores", "none");
  if (model.pieces.empty()) fail(Category::bad_input, "model.vocab", "one piece or more", "none");
  if (const auto unknown = field.find("unk_id")) {
    model.unknown = unknown->id();
    if (static_cast<std::size_t>(*model.unknown) >= model.pieces.size()) {
      unknown->refuse("the id of one of " + std::to_string(model.pieces.size()) + " pieces");
    }
  }
  if (fields.contains("byte_fallback")) model.byte_fallback = field.at("byte_fallback").boolean();
  return model;
}

std::vector<TokenizerJson::AddedToken> read_added_tokens(const nlohmann::json& value) {
  std::vector<TokenizerJson::AddedToken> tokens;
  for (const JsonField& token : JsonField(value, "added_tokens").elements()) {
    token.at("id").id();
    token.at("special").boolean();
    tokens.push_back({.content = token.at("content").text(),
                      .single_word = token.at("single_word").boolean(),
                      .lstrip = token.at("lstrip").boolean(),
                      .rstrip = token.at("rstrip").boolean(),
                      .normalized = token.at("normalized").boolean()});
  }
  return tokens;
}

void check_version(const nlohmann::json& value) {
  const JsonField version(value, "version");
  if (version.text() != "1.0") version.unsupported("\"1.0\"");
}

}  // namespace

TokenizerJson read_tokenizer_json(std::string_view bytes) {
  if (bytes.size() >= std::numeric_limits<std::uint32_t>::max()) {
    fail(Category::bad_input, "", "a file under 4 GiB", std::to_string(bytes.size()) + " bytes");
  }
  JsonScanner scanner(bytes, std::string(JsonField::doing), std::string(JsonField::file));
  TokenizerJson file;
  bool has_model = false;
  scanner.begin_object();
  while (scanner.next_member()) {
    const std::string key = scanner.key();
    if (key == "model") {
      file.model = read_model(scanner, bytes);
      has_model = true;
    } else if (key == "version") {
      check_version(read_small(scanner, bytes));
    } else if (key == "added_tokens") {
      file.added_tokens = read_added_tokens(read_small(scanner, bytes));
    } else if (key == "decoder") {
      scanner.skip();  // ids to text: never needed
    } else {
      file.parts[key] = read_small(scanner, bytes);
    }
  }
  scanner.finish();
  if (!has_model) fail(Category::bad_input, "model", "a Unigram model", "none");
  return file;
}

}  // namespace ditmill::models
