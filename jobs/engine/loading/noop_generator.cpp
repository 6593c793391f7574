#include "jobs/engine/loading/noop_generator.h"

#include <ATen/ATen.h>

#include <chrono>
#include <cstring>
#include <thread>

namespace ditmill::jobs::engine {
namespace {

/// Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014).
std::uint64_t split_mix_64(std::uint64_t& state) noexcept {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

at::Tensor random_frames(const configs::Request& request) {
  at::Tensor frames = at::empty({request.frames, request.height, request.width, 3}, at::kByte);
  auto* out = frames.data_ptr<std::uint8_t>();
  const std::int64_t size = frames.numel();
  auto state = static_cast<std::uint64_t>(request.seed);
  for (std::int64_t at = 0; at < size; at += 8) {
    const std::uint64_t word = split_mix_64(state);
    std::memcpy(out + at, &word, static_cast<std::size_t>(std::min<std::int64_t>(8, size - at)));
  }
  return frames;
}

}  // namespace

std::vector<models::ClipLatents> NoopGenerator::denoise(std::span<const models::ClipInput> clips,
                                                        const dist::Tell& tell) {
  std::vector<models::ClipLatents> made;
  for (const models::ClipInput& clip : clips) {
    tell("denoising item " + clip.request.id);
    std::this_thread::sleep_for(std::chrono::duration<double>{seconds_});
    models::translate_errors([&] { made.push_back({random_frames(clip.request), {}}); });
  }
  return made;
}

dist::TensorMap NoopGenerator::decode(const at::Tensor& latents) { return {{"frames", latents}}; }

}  // namespace ditmill::jobs::engine
