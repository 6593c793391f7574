#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/request.h"
#include "configs/yaml_reader.h"

namespace ditmill::jobs::requests {

/// One value of a field that a matrix varies.
struct MatrixValue {
  std::string id_part;          ///< "~seed1"
  configs::RequestDraft draft;  ///< holds the value in its field
  const configs::YamlNode* node = nullptr;
};

/// `requests.matrix`: the fields that vary, in the manifest's order, each with its values. An item stands for
/// one item for each combination; the last field varies fastest.
class Matrix {
 public:
  struct Axis {
    std::string field;
    std::vector<MatrixValue> values;
  };

  /// No field varies: one combination, which changes nothing.
  Matrix() = default;
  explicit Matrix(std::vector<Axis> axes) : axes_(std::move(axes)) {}

  bool empty() const noexcept { return axes_.empty(); }
  std::size_t combinations() const noexcept;
  /// Gives a draft a combination's values, and its id their parts. Returns what is wrong with its sizes.
  std::optional<configs::SizeMistake> apply(std::size_t combination, configs::RequestDraft& draft) const;
  /// The value that a field has in a combination; nullptr if it does not vary.
  const MatrixValue* value(std::string_view field, std::size_t combination) const;

 private:
  std::vector<Axis> axes_;
};

/// Items of one job, at most.
inline constexpr std::size_t max_items = 20'000'000;

/// Looks at the files of values that a mapping gave; a problem goes to the reader.
using LookAtFiles = std::function<void(configs::MapReader& reader, configs::FieldValues& values)>;

/// Reads `requests.matrix`: lists of values of seed, width, height, frames, fps, negative_prompt, samples,
/// resolution and aspect_ratio. A part of an id is "~", the field and its value; an aspect ratio's colon
/// becomes
/// "-", and a negative prompt is named by its position in the list, from 0. `suffix` follows each negative
/// prompt. Problems go to the reader, whose node outlives the matrix.
Matrix read_matrix(configs::MapReader matrix, const std::string& suffix, const LookAtFiles& look_at_files);

}  // namespace ditmill::jobs::requests
