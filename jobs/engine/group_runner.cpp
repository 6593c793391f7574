#include "jobs/engine/group_runner.h"

#include <ATen/ATen.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "configs/dump.h"
#include "dist/agree.h"

namespace ditmill::jobs {
namespace {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

template <typename T>
std::vector<T> to_vector(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  const T* data = dense.data_ptr<T>();
  return {data, data + dense.numel()};
}

}  // namespace

bool fails_the_item(Category category) noexcept {
  return category == Category::numeric || category == Category::memory || category == Category::bad_input ||
         category == Category::unsupported || category == Category::internal;
}

GroupRunner::GroupRunner(const dist::Communicator& comm, TextSource texts, models::ClipGenerator& generator,
                         GroupStore& store, const configs::PipelineConfig& pipeline,
                         const OutputConfig& output)
    : comm_(&comm),
      generator_(&generator),
      store_(&store),
      pipeline_(&pipeline),
      output_(&output),
      texts_(std::move(texts)),
      cache_(texts_.cache_bytes) {}

void GroupRunner::run() {
  const std::optional<Error> failure = dist::failure_of([this] { work(); });
  if (failure) {
    send_to_coordinator(*comm_, {.kind = GroupMessage::Kind::fatal, .error = failure});
    while (asked_ && !next_) {  // an answer is under way: nobody must be left sending it
      told_to_stop();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  send_to_coordinator(*comm_, {.kind = GroupMessage::Kind::leave});
  if (failure) throw Error{*failure};
}

void GroupRunner::work() {
  if (output_->video) encoder_.emplace();
  ask();
  for (Grant grant = wait_for_grant(); !grant.items.empty(); grant = wait_for_grant()) run_window(grant);
  report_done(store_->seal(true));
}

void GroupRunner::ask() {
  send_to_coordinator(*comm_, {.kind = GroupMessage::Kind::ask});
  asked_ = true;
}

Grant GroupRunner::wait_for_grant() {
  auto sleep = std::chrono::microseconds{20};
  while (!next_) {
    told_to_stop();
    if (next_) break;
    report_done(store_->seal(false));
    std::this_thread::sleep_for(sleep);
    sleep = std::min(sleep * 2, std::chrono::microseconds{1000});
  }
  Grant grant = std::move(*next_);
  next_.reset();
  asked_ = false;
  return grant;
}

bool GroupRunner::told_to_stop() {
  while (std::optional<Grant> arrived = receive_grant(*comm_)) {
    if (arrived->stop) {
      stop_ = true;
    } else {
      next_ = std::move(arrived);
    }
  }
  return stop_;
}

void GroupRunner::run_window(const Grant& grant) {
  spdlog::debug("{} items granted, from {}", grant.items.size(), grant.items.front().item.request.id);
  encode_texts(grant);
  for (const WorkItem& work : grant.items) {
    if (&work == &grant.items.back()) ask();
    if (told_to_stop()) break;
    run_item(work);
  }
  if (!asked_) ask();
}

void GroupRunner::encode_texts(const Grant& grant) {
  text_seconds_.clear();
  if (!texts_.ahead) return;
  for (const WorkItem& work : grant.items) {
    const configs::Request& request = work.item.request;
    const Stopwatch watch;
    try {
      embed(request.prompt);
      if (guided()) embed(request.negative_prompt);
      text_seconds_[request.id] = watch.seconds();
    } catch (const Error& error) {
      // The item itself will meet the same error, and be failed for it.
      spdlog::debug("item {}: {}", request.id, error.what());
    }
  }
}

at::Tensor GroupRunner::embed(const std::string& text) { return cache_.get(text, texts_.embedding); }

void GroupRunner::run_item(const WorkItem& work) {
  const std::string& id = work.item.request.id;
  store_->start(work.item, work.attempt);
  std::optional<FinishedItem> finished;
  try {
    finished = make(work);
  } catch (const Error& error) {
    if (!fails_the_item(error.category())) throw;
    const std::string reason = std::string{name(error.category())} + ": " + error.what();
    spdlog::warn("item {} failed: {}", id, reason);
    store_->failed(work.item, work.attempt, reason);
    send_to_coordinator(*comm_, {.kind = GroupMessage::Kind::failed, .items = {id}, .reason = reason});
    return;
  }
  report_done(store_->add(*finished));
}

FinishedItem GroupRunner::make(const WorkItem& work) {
  const configs::Request& request = work.item.request;
  FinishedItem finished{.item = &work.item, .attempt = work.attempt, .started = configs::utc_now()};

  const Stopwatch text_watch;
  const at::Tensor text = embed(request.prompt);
  const at::Tensor negative = guided() ? embed(request.negative_prompt) : at::Tensor{};
  finished.seconds_text = text_seconds_[request.id] + text_watch.seconds();

  const Stopwatch denoise_watch;
  const at::Tensor latents = generator_->denoise(request, text, negative);
  finished.seconds_denoise = denoise_watch.seconds();

  if (output_->frames || output_->video) {
    const Stopwatch decode_watch;
    finished.frames = to_vector<std::uint8_t>(generator_->decode(latents));
    if (output_->video) {
      const ClipShape shape{.frames = request.frames, .height = request.height, .width = request.width};
      finished.video = encoder_->encode(finished.frames, shape, request.fps, *output_->video);
    }
    if (!output_->frames) finished.frames = {};
    finished.seconds_decode = decode_watch.seconds();
  }
  if (output_->latents) {
    finished.latents = to_vector<float>(latents.to(at::kFloat));
    for (std::size_t i = 0; i < finished.latent_shape.size(); ++i) {
      finished.latent_shape[i] = latents.size(static_cast<std::int64_t>(i));
    }
  }
  return finished;
}

void GroupRunner::report_done(const std::vector<Acknowledged>& acknowledged) {
  if (acknowledged.empty()) return;
  GroupMessage message{.kind = GroupMessage::Kind::done};
  for (const Acknowledged& item : acknowledged) message.items.push_back(item.item);
  send_to_coordinator(*comm_, message);
}

}  // namespace ditmill::jobs
