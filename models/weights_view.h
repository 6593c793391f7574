#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "configs/pipeline_config.h"
#include "dist/weights/stream.h"

namespace ditmill::models {

/// A component's weights seen from one scope ("blocks.0.attn1"). Layers take what they need by name; the root
/// accounts for every name. Copies share that account.
class WeightsView {
 public:
  /// `label` names the component in messages; `numerics`: how layers that take their weights here compute.
  WeightsView(dist::TensorMap tensors, std::string label,
              configs::Numerics numerics = configs::Numerics::reference);

  /// The view of a deeper scope.
  WeightsView scope(std::string_view name) const;
  WeightsView scope(std::string_view name, std::int64_t index) const;  ///< "name.index"
  /// A tensor of exactly this shape; noted as taken. A missing name or another shape is noted too, and thrown
  /// by finish(); an empty tensor of that shape is returned meanwhile.
  at::Tensor take(std::string_view name, std::vector<std::int64_t> shape) const;
  bool has(std::string_view name) const;
  configs::Numerics numerics() const noexcept;

  /// Call once, after building: throws Error(bad_input) listing what is missing, misshapen and never taken.
  void finish() const;

 private:
  struct Account;
  WeightsView(std::shared_ptr<Account> account, std::string prefix);

  std::shared_ptr<Account> account_;
  std::string prefix_;
};

}  // namespace ditmill::models
