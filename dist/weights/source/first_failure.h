#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "configs/error.h"

namespace ditmill::dist {

/// The first failure of a rank's threads.
class FirstFailure {
 public:
  void note(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) error_ = std::move(error);
    set_ = true;
  }
  explicit operator bool() const noexcept { return set_; }
  std::optional<Error> get() const {
    const std::scoped_lock lock(mutex_);
    return error_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
  std::atomic<bool> set_ = false;
};

}  // namespace ditmill::dist
