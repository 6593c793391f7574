#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::registry {

/// What names begin with in the files, and in the layers: `blocks.{n}.ffn.0` and `blocks.{n}.ffn.net.0.proj`,
/// {n} any number. What follows, from a dot on or nothing, stays.
struct NamePair {
  std::string file;
  std::string layer;  ///< empty: the layers do not use it
};

/// The texts that a text with lists stands for: `{a,b}.{0,1}` gives a.0, a.1, b.0, b.1. A brace without a
/// comma stays. Nothing if braces or words are malformed, if there are over 1,000, or if the text has over
/// 1,000 bytes.
std::optional<std::vector<std::string>> expand_lists(std::string_view text);

/// Reads a pair of names in which lists stand for each of their words, those of both sides together. Nothing
/// if it is malformed.
std::optional<std::vector<NamePair>> parse_name_pair(std::string_view file, std::string_view layer);

/// The name that the layers have for a file's: by the pair with the longest beginning; without one it is the
/// file's own. Nothing if the layers do not use it.
std::optional<std::string> layer_name(std::string_view file, std::span<const NamePair> pairs);
/// The reverse, also for the pattern of a layout, `blocks.{layers}.norm2.weight`.
std::string file_name(std::string_view layer, std::span<const NamePair> pairs);

}  // namespace ditmill::registry
