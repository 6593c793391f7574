#include "models/denoise/denoise.h"

#include <ATen/ATen.h>

#include <deque>
#include <utility>

#include "dist/comm/tensors.h"

namespace ditmill::models {
namespace {

using dist::Purpose;
using dist::Team;

Error not_finite(const DenoiseInput& clip, int step) {
  return Error{
      Category::numeric,
      "denoise",
      Where{.item = clip.item},
      Expected{"finite latents"},
      Got{"NaN or infinity, first after step " + std::to_string(step + 1) + " of " +
          std::to_string(clip.sampler->steps())},
      "float32 for the transformer, or a smaller guidance_scale, may help; else the weights are damaged"};
}

/// As latents travel between stages, whatever the sampler keeps them in: nothing is lost.
at::Tensor in_float32(const at::Tensor& latents) { return latents.to(at::kFloat); }

}  // namespace

class Denoising::Clips {
  /// A clip on its way through the steps.
  struct Clip {
    DenoiseInput input;
    at::Tensor latents;  ///< on the first and the last stage
    std::unique_ptr<ClipPasses> passes = {};
    int bad_step = -1;  ///< the first after which the latents were not finite; on the last stage
  };

  /// By which communicator, and to or from whom.
  struct Way {
    const dist::Communicator* comm;
    int rank;
  };

 public:
  Clips(std::vector<DenoiseInput> inputs, const dist::ParallelContext& parallel)
      : parallel_(parallel),
        stage_(parallel_.index(dist::Axis::pp)),
        stages_(parallel_.degree(dist::Axis::pp)) {
    for (DenoiseInput& input : inputs) {
      at::Tensor noise = input.noise;
      clips_.push_back({.input = std::move(input), .latents = std::move(noise)});
    }
  }

  void run(Denoiser& denoiser, const Guidance& guidance, StepRange steps, const AtStep& at_step) {
    if (clips_.empty()) return;
    if (guidance.passes() > 2 && parallel_.degree(dist::Axis::cfg) > 1) {
      throw Error{Category::unsupported, "share out the passes of guidance",
                  Where{.key = "pipeline.parallel.cfg"},
                  Expected{"cfg: 1 for guidance of " + std::to_string(guidance.passes()) + " passes"}};
    }
    options_ = denoiser.options();
    for (Clip& clip : clips_) clip.passes = denoiser.clip(clip.input.noise.sizes());
    for (int step = steps.from; step < steps.to; ++step) {
      if (at_step) at_step(step);
      for (Clip& clip : clips_) {
        if (clip.bad_step >= 0 && stages_ == 1) continue;
        if (step > steps.from) receive_latents(clip);
        const at::Tensor flow = predict(clip, guidance, step);
        if (is_last_stage()) advance(clip, flow, step);
      }
    }
    // What comes next may be a run of other clips: nothing is left on its way.
    for (Clip& clip : clips_) {
      if (steps.to < clip.input.sampler->steps()) receive_latents(clip);
      clip.passes.reset();
    }
    for (dist::PendingTensors& pending : sent_) pending.wait();
    sent_.clear();
  }

  std::vector<Denoised> finish() {
    std::vector<Denoised> results;
    for (Clip& clip : clips_) {
      if (stages_ > 1) {
        clip.latents = in_float32(clip.latents);
        dist::broadcast(parallel_.team(Team::pp), clip.latents, stages_ - 1, Purpose::stages);
        clip.bad_step = static_cast<int>(parallel_.host(Team::pp).max(clip.bad_step, Purpose::agreement));
      }
      std::optional<Error> failure;
      if (clip.bad_step >= 0) failure = not_finite(clip.input, clip.bad_step);
      results.push_back({clip.latents, std::move(failure)});
    }
    return results;
  }

 private:
  /// The guided flow of a clip at its latents: on the last stage; undefined on others.
  at::Tensor predict(Clip& clip, const Guidance& guidance, int step) {
    const DenoiseInput& input = clip.input;
    const at::Tensor timestep =
        at::full({1}, input.sampler->timestep(step), input.noise.options().dtype(at::kFloat));
    const auto passes = static_cast<std::int64_t>(guidance.passes());
    const int sharers = parallel_.degree(dist::Axis::cfg);
    std::vector<at::Tensor> flows;
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      const bool mine = passes == 1 || pass % sharers == parallel_.index(dist::Axis::cfg);
      if (mine) flows.push_back(forward(clip, timestep, input.told.at(static_cast<std::size_t>(pass))));
    }
    if (!flows.front().defined()) return {};
    if (passes > 1 && sharers > 1) {
      const at::Tensor all =
          dist::all_gather(parallel_.team(Team::cfg), flows.front(), 0, {1, 1}, Purpose::guidance);
      flows = {all.narrow(0, 0, 1), all.narrow(0, 1, 1)};
    }
    return guidance.combine(flows);
  }

  /// One pass through this rank's stage.
  at::Tensor forward(Clip& clip, const at::Tensor& timestep, const dist::TensorMap& told) {
    clip.passes->begin(timestep, told);
    Streams streams;
    if (is_first_stage()) {
      streams = clip.passes->enter(clip.latents.to(options_.dtype()));
    } else {
      for (const std::vector<std::int64_t>& shape : clip.passes->shapes())
        streams.push_back(receive({&parallel_.team(Team::pp), stage_ - 1}, shape, options_));
    }
    streams = clip.passes->pass(std::move(streams));
    if (is_last_stage()) return clip.passes->leave(streams);
    for (const at::Tensor& stream : streams) send(stream, {&parallel_.team(Team::pp), stage_ + 1});
    return {};
  }

  void advance(Clip& clip, const at::Tensor& flow, int step) {
    clip.latents = clip.input.sampler->advance(flow, clip.latents);
    if (clip.bad_step < 0 && !at::isfinite(clip.latents).all().item<bool>()) clip.bad_step = step;
    if (stages_ > 1 && step + 1 < clip.input.sampler->steps()) send(in_float32(clip.latents), latents_way(0));
  }

  /// On the first of several stages: what the last one made of a clip's latents.
  void receive_latents(Clip& clip) {
    if (stages_ == 1 || !is_first_stage()) return;
    clip.latents =
        receive(latents_way(stages_ - 1), clip.input.noise.sizes().vec(), clip.input.noise.options());
  }

  /// Latents go back against the stream of activations. On a device a communicator does one thing after the
  /// other: on the one of the activations, each of two ranks could wait for the other to receive.
  Way latents_way(int stage) const {
    return {&parallel_.team(Team::clip),
            parallel_.place(Team::clip) + (stage - stage_) * parallel_.degree(dist::Axis::tp)};
  }

  bool is_first_stage() const noexcept { return stage_ == 0; }
  bool is_last_stage() const noexcept { return stage_ == stages_ - 1; }

  void send(const at::Tensor& x, const Way& to) {
    sent_.push_back(dist::start_send(*to.comm, x, to.rank, Purpose::stages));
    // What was sent a round of all clips ago has long been taken.
    if (sent_.size() <= 2 * clips_.size() * clips_.front().passes->shapes().size()) return;
    sent_.front().wait();
    sent_.pop_front();
  }

  at::Tensor receive(const Way& from, const std::vector<std::int64_t>& shape,
                     const at::TensorOptions& options) {
    return dist::start_receive(*from.comm, from.rank, shape, options, Purpose::stages).wait().front();
  }

  at::TensorOptions options_;
  const dist::ParallelContext& parallel_;
  int stage_;
  int stages_;
  std::vector<Clip> clips_;
  std::deque<dist::PendingTensors> sent_;
};

Denoising::Denoising(std::vector<DenoiseInput> clips, const dist::ParallelContext& parallel)
    : clips_(std::make_unique<Clips>(std::move(clips), parallel)) {}
Denoising::Denoising(Denoising&&) noexcept = default;
Denoising::~Denoising() = default;

void Denoising::run(Denoiser& denoiser, const Guidance& guidance, StepRange steps, const AtStep& at_step) {
  clips_->run(denoiser, guidance, steps, at_step);
}

std::vector<Denoised> Denoising::finish() { return clips_->finish(); }

std::vector<Denoised> denoise(Denoiser& denoiser, std::vector<DenoiseInput> clips, const Guidance& guidance,
                              const AtStep& at_step) {
  const int steps = clips.empty() ? 0 : clips.front().sampler->steps();
  Denoising denoising(std::move(clips), denoiser.parallel());
  denoising.run(denoiser, guidance, {0, steps}, at_step);
  return denoising.finish();
}

}  // namespace ditmill::models
