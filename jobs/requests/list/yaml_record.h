#pragma once

#include <cstddef>
#include <string_view>

#include "configs/yaml_reader.h"

namespace ditmill::jobs::requests {

/// An item of a manifest with the fields that a record of a list would have: null and a data frame's
/// words for it are absent, and 7.0 is 7.
configs::YamlNode as_record(const configs::YamlNode& item);

/// Finds plain texts that YAML ends at a `#`, in the lines of a manifest.
class CutTexts {
 public:
  /// `text` is the manifest's and outlives this; empty: nothing is found.
  explicit CutTexts(std::string_view text) : text_(text) {}

  /// Whether a comment follows a text directly. Nodes are asked about in the order of their lines; nullptr is
  /// no text.
  bool cut(const configs::YamlNode* node);

 private:
  std::string_view text_;
  std::size_t begin_ = 0;  ///< of line_
  int line_ = 1;
};

}  // namespace ditmill::jobs::requests
