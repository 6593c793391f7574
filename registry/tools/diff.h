#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "registry/tools/open_weights.h"
#include "registry/tools/value_diff.h"

namespace ditmill::registry {

/// How two sets of weights differ. Where they are models of several components, a tensor's name begins with
/// its component's: `vae/conv1.weight`.
struct WeightDifference {
  struct Shapes {
    std::string name;
    std::vector<std::uint64_t> a;
    std::vector<std::uint64_t> b;
  };
  struct Types {
    std::string name;
    ElementType a;
    ElementType b;
  };
  struct Values {
    std::string name;
    ValueDifference difference;
  };

  std::vector<std::string> only_a;
  std::vector<std::string> only_b;
  std::vector<Shapes> shapes;
  std::vector<Types> types;
  std::vector<Values> values;  ///< of every tensor whose values were compared, equal ones too
  std::uint64_t shared = 0;    ///< tensors that both have

  bool alike() const;
};

/// Compares names, shapes and types, and the values of tensors of one shape if `with_values`, dtypes apart.
/// Throws Error(usage) where one side alone is a model of several components, bad_input where a side names
/// several of one name, io.
WeightDifference diff_weights(const OpenedWeights& a, const OpenedWeights& b, bool with_values);

/// contracts.md, "The other weight tools".
nlohmann::json to_json(const WeightDifference& difference);
/// Counts, and the first 20 of each kind.
std::string diff_text(const WeightDifference& difference);

}  // namespace ditmill::registry
