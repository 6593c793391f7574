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
  std::string layer;     ///< empty: the layers do not use it
  std::size_t part = 0;  ///< of the file's tensor, which holds `parts` of the layers' below each other
  std::size_t parts = 1;
};

/// The texts that a text with lists stands for: `{a,b}.{0,1}` gives a.0, a.1, b.0, b.1. A brace without a
/// comma stays. Nothing if braces or words are malformed, if there are over 1,000, or if the text has over
/// 1,000 bytes.
std::optional<std::vector<std::string>> expand_lists(std::string_view text);

/// Reads a pair of names in which lists stand for each of their words, those of both sides together. Nothing
/// if it is malformed.
std::optional<std::vector<NamePair>> parse_name_pair(std::string_view file, std::string_view layer);

/// The name that the layers have for a file's: by the pair with the longest beginning; without one, and for a
/// tensor that holds several of the layers', it is the file's own. Nothing if the layers do not use it.
std::optional<std::string> layer_name(std::string_view file, std::span<const NamePair> pairs);
/// The reverse, also for the pattern of a layout, `blocks.{layers}.norm2.weight`.
std::string file_name(std::string_view layer, std::span<const NamePair> pairs);

/// Where a layers' tensor is in the files: all of one, or a part.
struct FilePart {
  std::string name;
  std::size_t part = 0;
  std::size_t parts = 1;
};
FilePart file_part(std::string_view layer, std::span<const NamePair> pairs);
/// The names of the layers' tensors that a file's holds, one below the other; empty if they do not use it.
std::vector<std::string> layer_names(std::string_view file, std::span<const NamePair> pairs);

}  // namespace ditmill::registry
