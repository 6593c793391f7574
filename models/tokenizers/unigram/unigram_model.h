#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/tokenizers/unigram/tokenizer_json.h"

namespace ditmill::models {

/// Texts to ids, to be asked for all that a text begins with. Of pieces of one text the last counts.
class PieceTrie {
 public:
  explicit PieceTrie(const std::vector<std::string>& pieces);

  /// The id of the piece that is `text`.
  std::optional<int> find(std::string_view text) const noexcept;
  /// Calls `found(length, id)` for each piece that `text` begins with, the shortest first; not for "".
  template <typename Found>
  void prefixes(std::string_view text, const Found& found) const {
    const Node* node = &nodes_.front();
    for (std::size_t length = 1; length <= text.size(); ++length) {
      node = child(*node, static_cast<unsigned char>(text[length - 1]));
      if (node == nullptr) return;
      if (node->id >= 0) found(length, node->id);
    }
  }

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::int32_t id = -1;
    std::uint16_t children = 0;
    unsigned char label = 0;
  };

  const Node* child(const Node& node, unsigned char label) const noexcept;

  std::vector<Node> nodes_;  ///< the root first; a node's children side by side, by label
};

/// A unigram language model's segmentation: of all ways to cut a text into pieces the one with the largest
/// sum of scores, where a character without a piece of its own scores 10 less than the worst piece.
class UnigramModel {
 public:
  explicit UnigramModel(const TokenizerJson::Unigram& model);

  /// Appends the ids of a text's pieces. Neighbouring unknown characters are one piece: the ids of its bytes,
  /// where the model falls back to bytes and has them all, or the unknown piece. Linear in the text.
  /// Throws Error(bad_input) for an unknown character if the model has no unknown piece.
  void encode(std::string_view text, std::vector<int>& ids) const;
  /// The id of the piece that is `text`.
  std::optional<int> find(std::string_view text) const noexcept { return trie_.find(text); }
  /// How many pieces there are.
  int size() const noexcept { return static_cast<int>(scores_.size()); }

 private:
  struct Step {
    double score = 0;
    std::size_t begin = 0;
    int id = -1;  ///< none leads here yet
  };

  std::vector<Step> best_steps(std::string_view text) const;
  void append_unknown(std::string_view text, std::vector<int>& ids) const;

  PieceTrie trie_;
  std::vector<double> scores_;
  std::optional<int> unknown_;
  double unknown_score_;
  std::vector<std::optional<int>> bytes_;  ///< by byte; empty: no fallback
};

}  // namespace ditmill::models
