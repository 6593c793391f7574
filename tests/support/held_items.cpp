// Preloaded into runs without a model: an item whose id is the name of a file in $DITMILL_HELD_ITEMS takes
// for ever, until that file is gone. So a test that does something to a rank at its work has all the time it
// needs, on the slowest machine. For ranks that are groups by themselves.
#include <dlfcn.h>
#include <unistd.h>

#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace {

/// What a rehearsed item sleeps (HeldItems.SECONDS in held_items.py), and nothing else does.
constexpr long item_us = 30'000;

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// Ids of this process's items, in the order in which it begins them, as its journal tells them.
class Started {
 public:
  static Started& get() {
    static Started* const started = new Started;  // threads write until the process is gone
    return *started;
  }

  void note(std::string_view written) {
    constexpr std::string_view before = R"("event":"start","item":")";
    const std::size_t at = written.find(before);
    if (at == std::string_view::npos) return;
    const std::string_view rest = written.substr(at + before.size());
    {
      const std::scoped_lock lock(mutex_);
      ids_.emplace_back(rest.substr(0, rest.find('"')));
    }
    told_.notify_one();
  }

  std::string take() {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [this] { return !ids_.empty(); });
    std::string id = std::move(ids_.front());
    ids_.pop_front();
    return id;
  }

 private:
  std::mutex mutex_;
  std::condition_variable told_;
  std::deque<std::string> ids_;
};

}  // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's own names are reserved
// ones.
extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  Started::get().note({static_cast<const char*>(bytes), count});
  return real(fd, bytes, count);
}

int nanosleep(const timespec* time, timespec* left) {
  static auto* const real = next<int(const timespec*, timespec*)>("nanosleep");
  static const char* const folder = std::getenv("DITMILL_HELD_ITEMS");
  if (folder != nullptr && time->tv_sec == 0 && std::lround(1e-3 * time->tv_nsec) == item_us) {
    const std::string held = folder + ("/" + Started::get().take());
    const timespec look{.tv_sec = 0, .tv_nsec = 5'000'000};
    while (::access(held.c_str(), F_OK) == 0) real(&look, nullptr);
  }
  return real(time, left);
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
