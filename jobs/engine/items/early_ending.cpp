#include "jobs/engine/items/early_ending.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "dist/comm/agree.h"

namespace ditmill::jobs::engine {
namespace {

/// A launcher kills a second or so after SIGTERM: sealing gets the first part of it, the other groups' words
/// the second.
constexpr std::chrono::milliseconds little_time_to_seal{350};
constexpr std::chrono::milliseconds time_to_hear{150};
constexpr std::chrono::milliseconds poll{5};
constexpr std::chrono::milliseconds most_for_sealing{2000};
/// Before an allocation ends, what is finished has to be sealed and the index written.
constexpr std::chrono::seconds least_margin{5};

}  // namespace

EarlyEnding::EarlyEnding(int rank, std::chrono::seconds grace, std::function<void(const run::Outcome&)> tell,
                         StopSwitch::Now now, std::function<void(int)> abort)
    : rank_(rank),
      grace_(grace),
      tell_(std::move(tell)),
      now_(std::move(now)),
      abort_(std::move(abort)),
      stop_(now_) {}

void EarlyEnding::end_within(double seconds) {
  using Clock = StopSwitch::Clock;
  const auto left = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  // As long as a warning leaves of what it is given (slurm/batch_script: three quarters of it are grace).
  stop_.set_last_moment(now_() + left - std::max<Clock::duration>(grace_ / 3, least_margin));
}

void EarlyEnding::can_conclude(Authority& authority) {
  const std::scoped_lock lock(mutex_);
  authority_ = &authority;
  counts_ = authority.counts();
}

void EarlyEnding::begin_items(GroupRunner& runner, Coordinator* coordinator) {
  const std::scoped_lock lock(mutex_);
  phase_ = Phase::items;
  runner_ = &runner;
  coordinator_ = coordinator;
  if (authority_ != nullptr) counts_ = authority_->counts();
}

void EarlyEnding::end_items() {
  const std::scoped_lock lock(mutex_);
  phase_ = Phase::after_items;
  runner_ = nullptr;
  coordinator_ = nullptr;
}

void EarlyEnding::obey(const dist::Order& order) {
  const std::scoped_lock lock(mutex_);
  if (phase_ == Phase::after_items) return;
  if (order.kind == dist::Order::Kind::warned) {
    if (runner_ != nullptr) runner_->seal_soon();
    return;
  }
  const bool lost = order.kind == dist::Order::Kind::lost;
  if (lost) lost_ = true;
  if (rank_ == 0 && !lost && !stop_.stopped()) spdlog::warn("{}: the run stops", order.why);
  // What is dropped at the last moment has still to be sealed.
  stop_.stop(order.why, grace_ - std::min<std::chrono::milliseconds>(std::chrono::milliseconds{grace_} / 10,
                                                                     most_for_sealing));
  if (order.kind == dist::Order::Kind::finish && phase_ == Phase::items) return;
  if (rank_ == 0 && authority_ != nullptr) {
    // At once, in case this is all that there is time for; better counts follow.
    dist::failure_of([&] { authority_->conclude_at_once(counts(), order.why, lost, false); });
  }
  if (runner_ != nullptr) {
    const std::optional<Error> failure =
        dist::failure_of([&] { runner_->drop(order.why, little_time_to_seal); });
    if (failure) spdlog::error("not all that is finished could be kept: {}", failure->what());
  }
  if (rank_ != 0) return;
  const auto deadline = std::chrono::steady_clock::now() + time_to_hear;
  while (coordinator_ != nullptr && !coordinator_->all_gone() &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(poll);
  }
  // Under the lock, so that the working thread does not come to its own end meanwhile.
  if (!lost) return end_all(order.why);
  conclude(order.why, true);
}

void EarlyEnding::tick() {
  const std::scoped_lock lock(mutex_);
  if (runner_ != nullptr) runner_->drop_what_is_late();
}

void EarlyEnding::end_all(const std::string& why) {
  conclude(why, false);
  abort_(exit_);
}

void EarlyEnding::end_after_a_drop() {
  if (lost_) return;
  const std::optional<StopSwitch::Stop> stop = stop_.stopped();
  end_all(stop ? stop->why : "items were dropped");
}

run::Counts EarlyEnding::counts() const {
  run::Counts counts = counts_;
  if (coordinator_ == nullptr) return counts;
  const std::size_t done = coordinator_->done();
  const std::size_t failed = coordinator_->failed();
  counts.done += done;
  counts.failed += failed;
  counts.left -= std::min(counts.left, done + failed);
  return counts;
}

/// Once; who comes later waits for the end of the process.
void EarlyEnding::conclude(const std::string& why, bool lost) {
  {
    std::unique_lock lock(ending_);
    while (concluded_) never_.wait(lock);
    concluded_ = true;
  }
  if (authority_ == nullptr) return;
  const std::optional<Error> failure = dist::failure_of([&] {
    const run::Outcome outcome = authority_->conclude_at_once(counts(), why, lost, coordinator_ != nullptr);
    exit_ = outcome.exit;
    if (!lost) tell_(outcome);
  });
  if (failure) exit_ = exit_code(failure->category());
  if (failure) spdlog::critical("the outcome could not be written: {}", failure->what());
}

}  // namespace ditmill::jobs::engine
