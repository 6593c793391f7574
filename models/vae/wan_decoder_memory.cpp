#include "models/vae/wan_decoder_memory.h"

#include <algorithm>

#include "models/byte_counts.h"
#include "models/vae/conv_memory.h"

namespace ditmill::models {
namespace {

constexpr std::uint64_t kept_frames = 2;

/// One chunk on its way through the decoder. `held` is what callers hold beside what is named.
class Walk {
 public:
  Walk(const WanVaeDims& dims, configs::Dtype dtype, const DecodedLatents& latents, const CpuKind& cpu,
       bool first)
      : dims_(dims),
        dtype_(dtype),
        cpu_(cpu),
        first_(first),
        halo_(latents.slab ? 2 : 0),
        x_{.channels = unsigned_of(dims.z_dim),
           .frames = 1,
           .height = latents.height,
           .width = latents.width} {}

  std::uint64_t most() {
    x_ = causal(0, x_, unsigned_of(dims_.up_width(0)));
    residual(x_.channels);
    attention();
    residual(x_.channels);
    for (std::int64_t i = 0; i < dims_.levels(); ++i) {
      const std::uint64_t width = unsigned_of(dims_.up_width(i));
      const std::uint64_t coarser = bytes(x_);
      residual(width);
      // The block's input, which is the first residual block's as well.
      if (dims_.is_residual && dims_.has_upsampler(i)) beside_ = coarser;
      for (std::int64_t j = 0; j < dims_.num_res_blocks; ++j) residual(width);
      if (!dims_.has_upsampler(i)) continue;
      if (dims_.upsamples_time(i)) double_frames();
      double_size(unsigned_of(dims_.up_output(i)));
      if (dims_.is_residual) add_coarser(dims_.upsamples_time(i));
      beside_ = 0;
    }
    norm(bytes(x_), x_);
    causal(3 * bytes(x_), x_, unsigned_of(dims_.patch_channels()));
    return most_ + kept_;
  }

 private:
  std::uint64_t element() const { return dtype_ == configs::Dtype::bfloat16 ? 2 : 4; }
  std::uint64_t bytes(const Maps& maps) const { return maps.values() * element(); }
  void hold(std::uint64_t bytes) { most_ = std::max(most_, bytes + beside_); }

  /// Frames that a convolution's slot has, which the next chunk's replace while these are used.
  std::uint64_t slot(const Maps& x) {
    Maps frames = x;
    frames.frames = first_ ? 1 : kept_frames;
    frames.height += halo_;
    kept_ += bytes(frames);
    return first_ ? 0 : bytes(frames);
  }

  Maps causal(std::uint64_t held, const Maps& x, std::uint64_t out_channels) {
    Maps longer = x;
    longer.frames += kept_frames;
    Maps padded = longer;
    padded.height += 2;
    padded.width += 2;
    Maps out = x;
    out.channels = out_channels;
    held += slot(x);
    hold(held + bytes(longer) + bytes(padded));
    hold(held + bytes(padded) +
         convolution_bytes({.in = padded, .out = out, .time = 3, .edge = 3}, dtype_, cpu_));
    return out;
  }

  /// VaeNorm of x, which is held.
  void norm(std::uint64_t held, const Maps& x) {
    // The quotient in float32; lengths; scaled, and by gamma; and in bfloat16 x in float32 and the cast.
    const std::uint64_t quotients = x.values() * sizeof(float);
    const std::uint64_t casts = element() == sizeof(float) ? 0 : quotients + bytes(x);
    hold(held + quotients + casts + 2 * x.positions() * sizeof(float) + 2 * bytes(x));
  }

  void residual(std::uint64_t width) {
    Maps out = x_;
    out.channels = width;
    std::uint64_t held = bytes(x_);
    if (width != x_.channels) {
      hold(2 * held + convolution_bytes({.in = x_, .out = out}, dtype_, cpu_));
      held += bytes(out);
    }
    norm(held, x_);
    causal(held + 2 * bytes(x_), x_, width);
    held += bytes(out);
    norm(held, out);
    causal(held + 2 * bytes(out), out, width);
    hold(held + 4 * bytes(out));
    x_ = out;
  }

  /// Queries, keys and values before and after they are packed, and what else is as large as x.
  void attention() { hold(16 * bytes(x_)); }

  void double_frames() {
    const std::uint64_t kept = slot(x_);
    if (first_) return;
    Maps longer = x_;
    longer.frames += kept_frames;
    Maps both = x_;
    both.channels *= 2;
    hold(bytes(x_) + kept + bytes(longer) +
         convolution_bytes({.in = longer, .out = both, .time = 3}, dtype_, cpu_));
    hold(bytes(x_) + kept + 2 * bytes(both));
    x_.frames *= 2;
  }

  void double_size(std::uint64_t out_channels) {
    Maps large = x_;
    large.height *= 2;
    large.width *= 2;
    Maps out = large;
    out.channels = out_channels;
    const std::uint64_t with_halo = halo_ == 0 ? 0 : bytes(large);
    hold(2 * bytes(x_) + bytes(large) + with_halo +
         convolution_bytes({.in = large, .out = out, .edge = 3, .pictures = true}, dtype_, cpu_));
    x_ = out;
  }

  /// The input once for each value of the output, and for those that a clip's first frame leaves out.
  void add_coarser(bool time) { hold(bytes(x_) * (time && first_ ? 3 : 2)); }

  const WanVaeDims& dims_;
  configs::Dtype dtype_;
  CpuKind cpu_;
  bool first_;
  std::uint64_t halo_;
  Maps x_;
  std::uint64_t most_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t beside_ = 0;  ///< held while a block runs
};

}  // namespace

std::uint64_t wan_decoder_bytes(const WanVaeDims& dims, configs::Dtype dtype, const DecodedLatents& latents,
                                const CpuKind& cpu) {
  const std::uint64_t first = Walk(dims, dtype, latents, cpu, true).most();
  return latents.frames < 2 ? first : std::max(first, Walk(dims, dtype, latents, cpu, false).most());
}

}  // namespace ditmill::models
