#include "jobs/engine/items/background_store.h"

#include <chrono>
#include <memory>
#include <utility>

#include "dist/comm/agree.h"

namespace ditmill::jobs::engine {
namespace {

/// Between two looks at whether an open part is due.
constexpr auto idle = std::chrono::milliseconds{100};

}  // namespace

BackgroundStore::BackgroundStore(results::GroupStore& store) : store_(&store), thread_([this] { run(); }) {}

BackgroundStore::~BackgroundStore() {
  {
    const std::scoped_lock lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundStore::check() const {
  if (failure_) throw Error{*failure_};
}

void BackgroundStore::wait_for_ever_if_closed(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return !closed_; });
}

void BackgroundStore::push(Task task) {
  {
    std::unique_lock lock(mutex_);
    wait_for_ever_if_closed(lock);
    check();
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
}

void BackgroundStore::start(const WorkItem& work) {
  push([work](results::GroupStore& store) -> std::vector<results::Acknowledged> {
    store.start(work.item, work.attempt);
    return {};
  });
}

void BackgroundStore::failed(const WorkItem& work, const Error& error) {
  push([work, error](results::GroupStore& store) -> std::vector<results::Acknowledged> {
    store.failed(work.item, work.attempt, error);
    return {};
  });
}

void BackgroundStore::add(const WorkItem& work, results::FinishedItem finished) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failure_ || results_waiting_ == 0; });
    wait_for_ever_if_closed(lock);
    check();
    ++results_waiting_;
  }
  // Shared, because a function can be copied and clips should not.
  const auto result = std::make_shared<results::FinishedItem>(std::move(finished));
  push([this, work, result](results::GroupStore& store) {
    {
      const std::scoped_lock lock(mutex_);
      --results_waiting_;
    }
    changed_.notify_all();
    result->item = &work.item;
    return store.add(*result);
  });
}

std::vector<results::Acknowledged> BackgroundStore::acknowledged() {
  const std::scoped_lock lock(mutex_);
  check();
  return std::exchange(acknowledged_, {});
}

void BackgroundStore::seal_soon() {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || failure_) return;
    tasks_.emplace_back([](results::GroupStore& store) { return store.seal(true); });
  }
  changed_.notify_all();
}

std::vector<results::Acknowledged> BackgroundStore::finish() {
  push([](results::GroupStore& store) { return store.seal(true); });
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failure_ || (tasks_.empty() && !at_work_); });
  }
  return acknowledged();
}

std::vector<results::Acknowledged> BackgroundStore::stop(std::vector<WorkItem> in_hand,
                                                         const std::string& reason,
                                                         std::chrono::milliseconds within) {
  std::unique_lock lock(mutex_);
  if (!std::exchange(closed_, true)) {
    tasks_.emplace_back([in_hand = std::move(in_hand), reason](results::GroupStore& store) {
      std::vector<results::Acknowledged> sealed = store.seal(true);
      std::vector<std::pair<requests::Item, int>> items;
      for (const WorkItem& work : in_hand) items.emplace_back(work.item, work.attempt);
      store.stopped(items, reason);
      return sealed;
    });
  }
  changed_.notify_all();
  changed_.wait_for(lock, within, [this] { return failure_ || (tasks_.empty() && !at_work_); });
  check();
  return std::exchange(acknowledged_, {});
}

void BackgroundStore::run() {
  std::unique_lock lock(mutex_);
  while (!ends_ && !failure_) {
    if (tasks_.empty() && !changed_.wait_for(lock, idle, [this] { return ends_ || !tasks_.empty(); })) {
      tasks_.emplace_back([](results::GroupStore& store) { return store.seal(false); });
    }
    if (!ends_) do_next(lock);
  }
}

/// Does the first task, unlocked meanwhile.
void BackgroundStore::do_next(std::unique_lock<std::mutex>& lock) {
  const Task task = std::move(tasks_.front());
  tasks_.pop_front();
  at_work_ = true;
  lock.unlock();
  std::vector<results::Acknowledged> done;
  std::optional<Error> failure = dist::failure_of([&] { done = task(*store_); });
  lock.lock();
  at_work_ = false;
  failure_ = std::move(failure);
  acknowledged_.insert(acknowledged_.end(), done.begin(), done.end());
  changed_.notify_all();
}

}  // namespace ditmill::jobs::engine
