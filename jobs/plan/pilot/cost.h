#pragma once

#include <array>
#include <map>
#include <vector>

#include "jobs/plan/bind/prepared_job.h"
#include "jobs/plan/pilot/pilot.h"

namespace ditmill::jobs::plan {

/// What an item takes.
struct ItemCost {
  double seconds = 0;      ///< of its group, the pause after it included
  double bytes = 0;        ///< on disk
  bool estimated = false;  ///< its size was not piloted
};

/// What items of any size take, from those that a pilot measured. A size that was not: its denoising by the
/// family's floating-point operations (with two or more measured sizes, a rate for what grows with the tokens
/// and one for what grows with their square, unless these come out absurd; else those of the nearest size),
/// decoding and bytes by pixels. A rehearsal denoises every size alike.
class CostModel {
 public:
  /// `pilot` and `job` outlive it.
  CostModel(const Pilot& pilot, const PreparedJob& job);

  ItemCost of(int width, int height, int frames);

 private:
  using Size = std::array<int, 3>;

  models::DenoiseFlops flops(const Size& size) const;
  void fit();
  ItemCost estimate(const Size& size) const;
  double denoise_seconds(const Size& size) const;

  const Pilot* pilot_;
  const PreparedJob* job_;
  std::map<Size, ItemCost> costs_;
  double linear_rate_ = 0;  ///< seconds an operation; 0: no fit
  double quadratic_rate_ = 0;
};

}  // namespace ditmill::jobs::plan
