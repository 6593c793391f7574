#pragma once

#include <cstdint>
#include <string>

namespace ditmill::registry {

/// What a tokenizer's folder holds.
struct TokenizerFiles {
  std::string spiece_model;    ///< a sentencepiece model: unigram, with byte fallback
  std::string tokenizer_json;  ///< the same for the tokenizers of transformers
  std::string config_json;     ///< tokenizer_config.json
};

/// A tokenizer of T5's kind for an embedding of so many rows: pieces for ASCII characters and some hundred
/// English words, bytes for all else, and 300 sentinels behind them. Rows that are more than these need stay
/// unused; the same for every number of rows of 1,024 and more. Throws Error(usage) for fewer.
TokenizerFiles synthetic_tokenizer(std::uint64_t rows);

}  // namespace ditmill::registry
