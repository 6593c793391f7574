#include "jobs/engine/coordinator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "dist/comm/mpi.h"

namespace ditmill::jobs {
namespace {

constexpr auto shortest_sleep = std::chrono::microseconds{50};
constexpr auto longest_sleep = std::chrono::microseconds{2000};

}  // namespace

std::size_t grant_size(std::size_t left, int groups, int window) noexcept {
  if (left == 0) return 0;
  const std::size_t share = left / (2 * static_cast<std::size_t>(groups));
  return std::clamp<std::size_t>(share, 1, static_cast<std::size_t>(window));
}

Coordinator::Coordinator(const dist::Communicator& comm, const ItemList& items,
                         std::span<const PendingItem> pending, std::set<int> group_roots, int window,
                         Progress& progress)
    : comm_(&comm),
      items_(&items),
      pending_(pending),
      groups_(static_cast<int>(group_roots.size())),
      present_(std::move(group_roots)),
      window_(window),
      progress_(&progress),
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
  while (!present_.empty()) {
    if (const auto arrived = receive_from_groups(*comm_)) {
      handle(arrived->first, arrived->second);
      sleep = shortest_sleep;
    } else {
      progress_->tick();
      std::this_thread::sleep_for(sleep);
      sleep = std::min(sleep * 2, longest_sleep);
    }
  }
}

void Coordinator::handle(int rank, const GroupMessage& message) {
  switch (message.kind) {
    case GroupMessage::Kind::ask: {
      Grant grant;
      const std::size_t count = grant_size(pending_.size(), groups_, window_);
      for (const PendingItem& each : pending_.first(count)) {
        grant.items.push_back({(*items_)[each.item], each.attempt});
      }
      pending_ = pending_.subspan(count);
      send_grant(*comm_, rank, grant);
      break;
    }
    case GroupMessage::Kind::done:
      progress_->done(message.items.size());
      break;
    case GroupMessage::Kind::failed:
      progress_->failed(message.items.size());
      break;
    case GroupMessage::Kind::fatal:
      if (!fatal_) {
        fatal_ = message.error;
        pending_ = {};
        for (const int other : present_) send_grant(*comm_, other, {.stop = true});
      }
      break;
    case GroupMessage::Kind::leave:
      present_.erase(rank);
      break;
  }
}

std::optional<Error> Coordinator::finish() {
  thread_.join();
  return fatal_;
}

}  // namespace ditmill::jobs
