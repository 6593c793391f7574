#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "registry/identity/layout.h"

namespace ditmill::registry {

/// What a rule asks of a checkpoint. Of a tensor that is not there, or lacks the dimension, sizes cannot be
/// asked.
struct KeyCondition {
  enum class Asks : std::uint8_t {
    nothing,     ///< holds always
    any,         ///< one of the names is there
    all,         ///< all of them are
    none,        ///< none of them is
    size,        ///< the size of the first one's dimension is the number
    other_size,  ///< it is another
    any_size,    ///< of one of those that are there it is
    any_ends,    ///< a name ends with one of these
    all_zero,    ///< all elements of the first one are zero
  };

  Asks asks = Asks::nothing;
  std::span<const std::string_view> names = {};
  int dim = 0;  ///< -1: the last
  std::uint64_t number = 0;
  /// The names are taken behind `model.diffusion_model.` if this one is there with that prefix.
  std::string_view prefix_with = {};
};

/// Whether all elements of a tensor are zero, which a header does not say; nothing where they are not read.
using AllZero = std::function<std::optional<bool>(std::string_view tensor)>;

/// A checkpoint as conditions see it.
struct Checkpoint {
  const ShapeTable& shapes;
  const std::string& label;       ///< names it in messages
  const AllZero& reads_all_zero;  ///< may be empty
};

/// The name that a condition with one name asks for in this checkpoint.
std::string asked_name(const KeyCondition& condition, const Checkpoint& checkpoint);

/// Whether a condition holds; nothing where only values that cannot be read tell. Throws Error(bad_input)
/// where diffusers ends with a KeyError (a tensor is not there) or an IndexError (it lacks the dimension).
std::optional<bool> holds(const KeyCondition& condition, const Checkpoint& checkpoint);
/// Of conditions in turn: the first that does not hold decides.
std::optional<bool> all_hold(std::span<const KeyCondition> conditions, const Checkpoint& checkpoint);

/// What errors of the cascade say was being done.
inline constexpr const char* asking_diffusers = "tell what diffusers takes a checkpoint for";
/// `diffusers itself ends with a KeyError here`
std::string diffusers_ends(std::string_view exception);

}  // namespace ditmill::registry
