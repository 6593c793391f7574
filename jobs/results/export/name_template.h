#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::jobs::results {

/// How exported clips are called: text with fields of an item in braces, as in "{prompt:.40}-{sample}". `:.N`
/// cuts a field to N characters; {{ and }} are braces.
class NameTemplate {
 public:
  /// Throws Error(usage) for what is no such text, an unknown field (with those there are), or a folder in
  /// it.
  explicit NameTemplate(std::string_view text);

  bool uses(std::string_view field) const;

  struct Name {
    std::string text;
    bool shortened = false;  ///< beyond what was asked for, to be a file name
  };
  /// The name of an item whose fields are `value`: one that every file system takes, a file's ending and that
  /// of a temporary file included. Characters that are none of a file name become `_` (white space a space),
  /// as do a dot or dash in front; what cannot be at its end is left out. Prompts and metadata are shortened
  /// where the whole is too long. Empty if nothing is left.
  Name of(const std::function<std::string(std::string_view field)>& value) const;

 private:
  struct Piece {
    std::string text;  ///< of a field: its name
    bool field = false;
    std::optional<std::size_t> most = {};  ///< characters
  };

  static Piece read_field(std::string_view text);

  std::vector<Piece> pieces_;
};

/// The fields that such names may have, for help.
inline constexpr std::string_view name_fields =
    "id, prompt, negative_prompt, seed, sample, index, width, height, frames, fps, steps, guidance, key, "
    "metadata.NAME";
inline constexpr std::string_view metadata_prefix = "metadata.";

}  // namespace ditmill::jobs::results
