#include "jobs/engine/items/coordinator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dist/comm/mpi.h"
#include "jobs/plan/pilot/schedule.h"

namespace ditmill::jobs::engine {
namespace {

constexpr auto shortest_sleep = std::chrono::microseconds{50};
constexpr auto longest_sleep = std::chrono::microseconds{2000};
constexpr auto between_looks = std::chrono::seconds{1};

}  // namespace

Coordinator::Coordinator(Parts parts)
    : parts_(std::move(parts)),
      groups_(static_cast<int>(parts_.group_roots.size())),
      next_look_(std::chrono::steady_clock::now()),
      thread_([this] {
        try {
          serve();
        } catch (const std::exception& error) {
          // Groups wait for grants that will never come: nothing can be agreed on any more.
          spdlog::critical("the coordinator failed: {}", error.what());
          dist::MpiSession::abort(3);
        }
      }) {}

Coordinator::~Coordinator() = default;

void Coordinator::serve() {
  auto sleep = shortest_sleep;
  while (!parts_.group_roots.empty()) {
    look_around();
    if (const auto arrived = receive_from_groups(*parts_.comm)) {
      handle(arrived->first, arrived->second);
      sleep = shortest_sleep;
    } else {
      parts_.progress->tick();
      std::this_thread::sleep_for(sleep);
      sleep = std::min(sleep * 2, longest_sleep);
    }
  }
  all_gone_ = true;
  if (dropped_) parts_.after_a_drop();
}

void Coordinator::look_around() {
  if (parts_.stop->stopped()) hand_out_nothing_more();
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return;
  next_look_ = now + between_looks;
  if (parts_.every_second) parts_.every_second();
}

void Coordinator::handle(int rank, const GroupMessage& message) {
  switch (message.kind) {
    case GroupMessage::Kind::ask:
      grant(rank);
      break;
    case GroupMessage::Kind::late:
      out_of_time_ = true;
      given_back_.push_back(granted_[rank].last(message.items));
      break;
    case GroupMessage::Kind::done:
      done_ += message.items;
      parts_.progress->done(message.items);
      break;
    case GroupMessage::Kind::failed:
      failed_ += message.items;
      parts_.progress->failed(message.items);
      if (parts_.max_fails > 0 && failed_ >= static_cast<std::size_t>(parts_.max_fails)) {
        reached_max_fails_ = true;
        for (const int root : parts_.group_roots) send_grant(*parts_.comm, root, {.stop = true});
        hand_out_nothing_more();
      }
      break;
    case GroupMessage::Kind::fatal:
      if (!fatal_) {
        fatal_ = message.error;
        hand_out_nothing_more();
        for (const int other : parts_.group_roots) send_grant(*parts_.comm, other, {.stop = true});
      }
      break;
    case GroupMessage::Kind::drop:
      dropped_ = true;
      parts_.group_roots.erase(rank);
      break;
    case GroupMessage::Kind::leave:
      parts_.group_roots.erase(rank);
      break;
  }
}

std::size_t Coordinator::left() const {
  std::size_t left = parts_.pending.size();
  for (const auto& items : given_back_) left += items.size();
  return left;
}

void Coordinator::grant(int rank) {
  std::span<const run::PendingItem>& from = given_back_.empty() ? parts_.pending : given_back_.back();
  const std::size_t count =
      std::min(plan::grant_size(left(), groups_, parts_.window, parts_.together), from.size());
  Grant grant;
  for (const run::PendingItem& each : from.first(count)) {
    grant.items.push_back({(*parts_.items)[each.item], each.attempt, each.alone});
  }
  granted_[rank] = from.first(count);
  from = from.subspan(count);
  std::erase_if(given_back_, [](const auto& items) { return items.empty(); });
  send_grant(*parts_.comm, rank, grant);
}

void Coordinator::hand_out_nothing_more() {
  parts_.pending = {};
  given_back_.clear();
}

std::optional<Error> Coordinator::finish() {
  thread_.join();
  return fatal_;
}

}  // namespace ditmill::jobs::engine
