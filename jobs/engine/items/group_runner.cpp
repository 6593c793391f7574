#include "jobs/engine/items/group_runner.h"

#include <ATen/ATen.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "configs/dump.h"
#include "dist/comm/agree.h"
#include "jobs/results/journal/record.h"
#include "jobs/run/frozen/kept_inputs.h"

namespace ditmill::jobs::engine {
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

results::OutputArray to_array(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  const auto* data = static_cast<const std::byte*>(dense.data_ptr());
  return {.bytes = {data, data + dense.nbytes()}, .shape = dense.sizes().vec()};
}

/// What sealing takes at most where there is time for it.
constexpr std::chrono::seconds time_to_seal{30};

/// How many of the next items are computed together.
std::size_t batch_size(std::span<const WorkItem> items, std::size_t most) {
  const auto alone =
      std::find_if(items.begin(), items.end(), [](const WorkItem& item) { return item.alone; });
  if (alone == items.begin()) return 1;
  return std::min(static_cast<std::size_t>(alone - items.begin()), most);
}

}  // namespace

GroupRunner::GroupRunner(const dist::ParallelContext& parallel, Parts parts,
                         const configs::PipelineConfig& pipeline, const results::OutputConfig& output)
    : parallel_(&parallel),
      coordinator_(parts.coordinator),
      texts_(std::move(parts.texts)),
      generator_(parts.generator),
      seams_(std::move(parts.seams)),
      stop_switch_(parts.stop),
      pipeline_(&pipeline),
      output_(&output),
      cache_(texts_.cache_bytes),
      in_hand_(std::move(parts.now)) {
  if (parts.store != nullptr) store_.emplace(*parts.store);
}

void GroupRunner::run() {
  const std::optional<Error> failure = dist::failure_of([this] { work(); });
  if (leads()) {
    if (failure) {
      while (asked_ && !next_) {  // an answer is under way: nobody must be left sending it
        told_to_stop();
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      }
      report({.kind = GroupMessage::Kind::fatal, .error = failure});
    }
    if (!gone_.exchange(true)) report({.kind = GroupMessage::Kind::leave});
  }
  if (failure) throw Error{*failure};
}

void GroupRunner::work() {
  lead([this] {
    if (output_->video) encoder_.emplace();
    ask();
  });
  for (Grant grant = next_window(); !grant.items.empty(); grant = next_window()) {
    if (!run_window(grant)) break;
  }
  lead([this] {
    const std::optional<StopSwitch::Stop> stop = stop_switch_->stopped();
    report_done(stop ? store_->stop({}, stop->why, std::chrono::hours{1}) : store_->finish());
  });
}

void GroupRunner::drop(const std::string& why, std::chrono::milliseconds within) {
  if (!leads() || gone_.exchange(true)) return;
  report_done(store_->stop(in_hand_.items(), why, within));
  report({.kind = GroupMessage::Kind::drop});
}

void GroupRunner::seal_soon() {
  if (leads() && !gone_) store_->seal_soon();
}

void GroupRunner::drop_what_is_late() {
  const std::optional<StopSwitch::Stop> stop = stop_switch_->stopped();
  if (stop && leads() && !in_hand_.fit_before(stop->deadline)) drop(stop->why, time_to_seal);
}

/// What the first rank does alone: an error of it is thrown on all ranks.
void GroupRunner::lead(const std::function<void()>& alone) {
  const std::optional<Error> failure = settle(dist::failure_of([&] {
    if (leads()) alone();
  }));
  if (failure) throw Error{*failure};
}

void GroupRunner::ask() {
  report({.kind = GroupMessage::Kind::ask});
  asked_ = true;
}

/// The window that the first rank was granted, on all ranks.
Grant GroupRunner::next_window() {
  Grant grant;
  seams_.wait("waiting for items");
  lead([&] { grant = wait_for_grant(); });
  if (parallel_->size(dist::Team::clip) == 1) return grant;
  return grant_from_text(
      parallel_->host(dist::Team::clip)
          .broadcast_text(leads() ? to_text(grant) : std::string{}, 0, dist::Purpose::items));
}

Grant GroupRunner::wait_for_grant() {
  auto sleep = std::chrono::microseconds{20};
  while (!next_) {
    told_to_stop();
    if (next_) break;
    report_done(store_->acknowledged());
    std::this_thread::sleep_for(sleep);
    sleep = std::min(sleep * 2, std::chrono::microseconds{1000});
  }
  Grant grant = std::move(*next_);
  next_.reset();
  asked_ = false;
  return grant;
}

bool GroupRunner::told_to_stop() {
  while (std::optional<Grant> arrived = receive_grant(*coordinator_)) {
    if (arrived->stop) {
      stop_ = true;
    } else {
      next_ = std::move(arrived);
    }
  }
  return stop_ || stop_switch_->stopped();
}

/// How many of these items are computed together next; none: the group is to leave, or to stop. What the
/// first rank is told, or sees by its clock, on all ranks.
GroupRunner::Batch GroupRunner::next_batch(std::span<const WorkItem> items) {
  Batch batch;
  if (leads()) {
    batch.count = batch_size(items, generator_->clips_at_once());
    const std::optional<StopSwitch::Clock::time_point> last_moment = stop_switch_->last_moment();
    if (told_to_stop()) {
      batch.next = Next::stop;
    } else if (last_moment) {
      batch.count = in_hand_.fitting(items.first(batch.count), *last_moment);
      if (batch.count == 0) batch.next = Next::leave;
    }
  }
  if (parallel_->size(dist::Team::clip) == 1) return batch;
  const dist::Communicator& ranks = parallel_->host(dist::Team::clip);
  batch.next = static_cast<Next>(ranks.max(static_cast<int>(batch.next), dist::Purpose::agreement));
  batch.count =
      static_cast<std::size_t>(ranks.max(static_cast<std::int64_t>(batch.count), dist::Purpose::agreement));
  return batch;
}

/// Returns whether the group goes on.
bool GroupRunner::run_window(const Grant& grant) {
  spdlog::debug("{} items granted, from {}", grant.items.size(), grant.items.front().item.request.id);
  std::span<const WorkItem> left = grant.items;
  if (next_batch(left).next == Next::go_on) encode_texts(grant);
  while (!left.empty()) {
    const auto [next, count] = next_batch(left);
    if (next == Next::stop) break;
    if (next == Next::leave) {
      lead([&] {
        spdlog::info("the time limit comes before the end of item {}: this group begins no more",
                     left.front().item.request.id);
        report({.kind = GroupMessage::Kind::late, .items = left.size()});
      });
      return false;
    }
    lead([&] {
      if (count == left.size()) ask();
      for (const WorkItem& work : left.first(count)) store_->start(work);
    });
    if (left.size() > count) generator_->look_ahead(with_files(left[count].item.request));
    run_items(left.first(count));
    left = left.subspan(count);
  }
  lead([this] {
    if (!asked_) ask();
  });
  return true;
}

void GroupRunner::encode_texts(const Grant& grant) {
  text_seconds_.clear();
  if (!texts_.ahead) return;
  for (const WorkItem& work : grant.items) {
    const configs::Request& request = work.item.request;
    seams_.tell("encoding the texts of " + request.id);
    const Stopwatch watch;
    const std::optional<Error> failure = together([&] {
      for (const models::Encoding& task : texts_.encodings) encoded(request, task);
    });
    if (failure) {
      // The item itself will meet the same error, and be failed for it.
      spdlog::debug("item {}: {}", request.id, failure->what());
    } else {
      text_seconds_[request.id] = watch.seconds();
    }
  }
}

models::EncodedText GroupRunner::encoded(const configs::Request& request, const models::Encoding& task) {
  return cache_.get({task.encoder, std::string{configs::text_of(request, task.field)}}, texts_.encoded);
}

std::optional<Error> GroupRunner::together(const std::function<void()>& step) {
  return run_together(parallel_->size(dist::Team::clip), step, seams_.abandon);
}

/// What ranks met between the steps that they take together: the same on all.
std::optional<Error> GroupRunner::settle(std::optional<Error> failure) {
  if (parallel_->size(dist::Team::clip) == 1) return failure;
  return dist::failure_of([&] { dist::agree_on(parallel_->host(dist::Team::clip), failure); });
}

/// A request whose files are where their bytes are.
configs::Request GroupRunner::with_files(configs::Request request) const {
  request.more = run::with_kept_inputs(results::RunDirectory{output_->path}, std::move(request.more));
  return request;
}

void GroupRunner::run_items(std::span<const WorkItem> items) {
  std::vector<std::string> ids;
  for (const WorkItem& work : items) ids.push_back(work.item.request.id);
  seams_.hold(ids);
  if (leads()) in_hand_.take(items);
  std::vector<Work> batch(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    batch[i].item = &items[i];
    batch[i].clip.request = with_files(items[i].item.request);
    batch[i].finished = {.attempt = items[i].attempt, .started = configs::utc_now()};
    embed_clip(batch[i]);
  }
  denoise(batch);
  for (Work& work : batch) finish(work);
  if (leads()) {
    in_hand_.finish(std::none_of(batch.begin(), batch.end(), [](const Work& work) { return work.failure; }));
  }
  seams_.hold({});
}

void GroupRunner::embed_clip(Work& work) {
  const Stopwatch watch;
  work.failure = together([&] {
    for (const models::Encoding& task : texts_.encodings) {
      const models::EncodedText text = encoded(work.clip.request, task);
      auto& counted = task.use == models::Use::positive ? work.finished.text : work.finished.negative;
      counted = {.tokens = std::max(counted.tokens, text.tokens),
                 .cut = std::max(counted.cut, text.tokens_cut)};
      work.clip.encoded[task.use].push_back(text);
    }
  });
  work.finished.seconds_text = text_seconds_[work.clip.request.id] + watch.seconds();
}

void GroupRunner::denoise(std::span<Work> batch) {
  std::vector<Work*> able;
  std::vector<models::ClipInput> clips;
  for (Work& work : batch) {
    if (work.failure) continue;
    able.push_back(&work);
    clips.push_back(work.clip);
  }
  if (clips.empty()) return;
  const Stopwatch watch;
  std::vector<models::ClipLatents> made;
  const std::optional<Error> failure = together([&] { made = generator_->denoise(clips, seams_.tell); });
  if (failure && batch.size() > 1) {  // whose it is shows when fewer run together
    denoise(batch.first(batch.size() / 2));
    denoise(batch.subspan(batch.size() / 2));
    return;
  }
  for (std::size_t i = 0; i < able.size(); ++i) {
    able[i]->failure = failure ? failure : made[i].failure;
    if (!failure) able[i]->latents = made[i].latents;
    able[i]->finished.seconds_denoise = watch.seconds() / static_cast<double>(able.size());
  }
}

void GroupRunner::finish(Work& work) {
  const std::string& id = work.clip.request.id;
  const Stopwatch watch;
  dist::TensorMap decoded;
  if (!work.failure && output_->decodes()) {
    seams_.tell("decoding " + id);
    work.failure = together([&] { decoded = generator_->decode(work.latents); });
  }
  work.failure = settle(work.failure ? work.failure : dist::failure_of([&] {
    if (!leads()) return;
    report_done(store_->acknowledged());
    keep(work, decoded);
    work.finished.seconds_decode = watch.seconds();
    store_->add(*work.item, std::move(work.finished));
  }));
  if (!work.failure) return;
  if (!fails_the_item(work.failure->category())) throw Error{*work.failure};
  lead([&] {
    spdlog::warn("item {} failed: {}", id, results::reason_of(*work.failure));
    store_->failed(*work.item, *work.failure);
    report({.kind = GroupMessage::Kind::failed, .items = 1});
  });
}

/// What is kept of an item, on the first rank.
void GroupRunner::keep(Work& work, const dist::TensorMap& decoded) {
  const configs::Request& request = work.clip.request;
  results::FinishedItem& finished = work.finished;
  const auto frames = decoded.find("frames");
  if (frames != decoded.end() && (output_->frames || output_->video))
    finished.frames = to_vector<std::uint8_t>(frames->second);
  for (const std::string& name : output_->more) {
    if (const auto found = decoded.find(name); found != decoded.end())
      finished.more.emplace(name, to_array(found->second));
  }
  if (output_->video) {
    const results::ClipShape shape{
        .frames = request.frames, .height = request.height, .width = request.width};
    finished.video = encoder_->encode(finished.frames, shape, request.fps, *output_->video);
    if (!output_->frames) finished.frames = {};
  }
  if (!output_->latents) return;
  finished.latents = to_vector<float>(work.latents.to(at::kFloat));
  for (std::size_t i = 0; i < finished.latent_shape.size(); ++i) {
    finished.latent_shape[i] = work.latents.size(static_cast<std::int64_t>(i));
  }
}

void GroupRunner::report_done(const std::vector<results::Acknowledged>& acknowledged) {
  if (acknowledged.empty()) return;
  report({.kind = GroupMessage::Kind::done, .items = acknowledged.size()});
}

}  // namespace ditmill::jobs::engine
