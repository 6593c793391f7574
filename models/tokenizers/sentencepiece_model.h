#pragma once

#include <string_view>
#include <vector>

namespace ditmill::models {

/// What ditmill itself needs to know of a spiece.model, read from its bytes (protocol buffers) and checked
/// where libsentencepiece trusts them.
struct SentencePieceModel {
  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string_view text;
    Type type = Type::normal;
  };

  std::vector<Piece> pieces;         ///< by id; views of the bytes that were read
  bool removes_extra_spaces = true;  ///< runs, and those at the ends
};

/// Throws Error(bad_input) with the offset for bytes that are no unigram model: not protocol buffers, no
/// pieces, other than one unknown piece, a score that is not finite, or a character map that points out of
/// itself.
SentencePieceModel read_sentencepiece_model(std::string_view bytes);

}  // namespace ditmill::models
