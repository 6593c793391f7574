#include "models/vae/wan_shortcuts.h"

#include <ATen/ATen.h>

namespace ditmill::models {

at::Tensor mean_of_finer(const at::Tensor& x, std::int64_t channels, const LevelStep& step) {
  const std::int64_t values = x.size(1) * step.values();
  if (values == channels && step.values() == 1) return x;
  const std::int64_t short_of = (step.time - x.size(2) % step.time) % step.time;
  const at::Tensor whole = short_of == 0 ? x : at::constant_pad_nd(x, {0, 0, 0, 0, short_of, 0});
  const std::int64_t frames = whole.size(2) / step.time;
  const std::int64_t height = x.size(3) / step.edge, width = x.size(4) / step.edge;
  return whole.view({1, x.size(1), frames, step.time, height, step.edge, width, step.edge})
      .permute({0, 1, 3, 5, 7, 2, 4, 6})
      .contiguous()
      .view({1, channels, values / channels, frames, height, width})
      .mean(2);
}

void add_coarser(at::Tensor& y, const at::Tensor& x, const LevelStep& step) {
  const std::int64_t channels = y.size(1), frames = x.size(2), height = x.size(3), width = x.size(4);
  const std::int64_t doubled = y.size(2) / frames;
  const at::Tensor repeated = x.repeat_interleave(channels * step.values() / x.size(1), 1)
                                  .view({1, channels, step.time, step.edge, step.edge, frames, height, width})
                                  .narrow(2, step.time - doubled, doubled);
  y.view({1, channels, frames, doubled, height, step.edge, width, step.edge})
      .add_(repeated.permute({0, 1, 5, 2, 6, 3, 7, 4}));
}

}  // namespace ditmill::models
