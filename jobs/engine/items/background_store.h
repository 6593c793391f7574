#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "configs/error.h"
#include "jobs/engine/items/protocol.h"
#include "jobs/results/store/group_store.h"

namespace ditmill::jobs::engine {

/// A group's store on a thread of its own, so that an item goes to disk while the next one runs. What is
/// asked of it is done in that order; parts are sealed when their time has come. An error of the store ends
/// it, and is thrown by every later call.
class BackgroundStore {
 public:
  /// The store is used by nobody else meanwhile, and outlives this.
  explicit BackgroundStore(results::GroupStore& store);
  BackgroundStore(const BackgroundStore&) = delete;
  BackgroundStore& operator=(const BackgroundStore&) = delete;
  ~BackgroundStore();  ///< drops what has not been done yet

  void start(const WorkItem& work);
  void failed(const WorkItem& work, const Error& error);
  /// `finished.item` is filled in. Waits while another finished item waits: at most two are held.
  void add(const WorkItem& work, results::FinishedItem finished);
  /// What was acknowledged since the last call.
  std::vector<results::Acknowledged> acknowledged();
  /// Seals what is open once all that was asked is done; returns at once.
  void seal_soon();
  /// Does all that was asked, and seals. Returns what was acknowledged since the last call.
  std::vector<results::Acknowledged> finish();
  /// As finish(), from another thread than that which works on items: what that one still asks for is not
  /// done, and does not return. The items that it has in hand are journalled as stopped. Waits no longer than
  /// `within`.
  std::vector<results::Acknowledged> stop(std::vector<WorkItem> in_hand, const std::string& reason,
                                          std::chrono::milliseconds within);

 private:
  using Task = std::function<std::vector<results::Acknowledged>(results::GroupStore&)>;

  void push(Task task);
  void wait_for_ever_if_closed(std::unique_lock<std::mutex>& lock);
  void run();
  void do_next(std::unique_lock<std::mutex>& lock);
  void check() const;

  results::GroupStore* store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::size_t results_waiting_ = 0;
  bool at_work_ = false;
  bool ends_ = false;
  bool closed_ = false;
  std::vector<results::Acknowledged> acknowledged_;
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace ditmill::jobs::engine
