#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace ditmill::dist {

/// Hands values from one thread to another, first in, first out. What goes round is a fixed set of frames, so
/// that the channel needs no bound of its own.
template <typename T>
class Channel {
 public:
  /// Does nothing once the channel is closed.
  void push(T value) {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return;
      values_.push_back(std::move(value));
    }
    changed_.notify_one();
  }

  /// Waits for a value; nothing once the channel is closed, whatever is still in it.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !values_.empty(); });
    if (closed_) return std::nullopt;
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }

  /// Ends all waits, now and later.
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
  bool closed_ = false;
};

}  // namespace ditmill::dist
