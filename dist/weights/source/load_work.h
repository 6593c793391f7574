#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ditmill::dist {

/// Of Linux on every machine that ditmill runs on, and what O_DIRECT asks of offsets and buffers.
inline constexpr std::size_t page_bytes = 4096;

/// Seconds, by what for; threads of a rank work side by side.
struct LoadSeconds {
  double read = 0;
  double network = 0;
  double hash = 0;
  double copy = 0;

  LoadSeconds& operator+=(const LoadSeconds& more) noexcept {
    read += more.read;
    network += more.network;
    hash += more.hash;
    copy += more.copy;
    return *this;
  }
};

/// What a rank did to load a component.
struct LoadWork {
  LoadSeconds busy;
  LoadSeconds stall;                 ///< it waited for others to have done it
  std::uint64_t read_bytes = 0;      ///< from files, or looked at where they are mapped
  std::uint64_t verified_bytes = 0;  ///< digested
  std::uint64_t private_bytes = 0;   ///< of tensors that are this rank's alone
  std::uint64_t shared_bytes = 0;  ///< of tensors that ranks of its machine share, told by the first of these
  std::uint64_t mapped_bytes = 0;  ///< of these, in the files' own pages

  LoadWork& operator+=(const LoadWork& more) noexcept {
    busy += more.busy;
    stall += more.stall;
    read_bytes += more.read_bytes;
    verified_bytes += more.verified_bytes;
    private_bytes += more.private_bytes;
    shared_bytes += more.shared_bytes;
    mapped_bytes += more.mapped_bytes;
    return *this;
  }
};

/// Adds the seconds that `work` takes to `seconds`, and gives what it gives.
template <typename Work>
auto timed(double& seconds, Work&& work) {
  struct Clock {
    double& seconds;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~Clock() { seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }
  };
  const Clock clock{seconds};
  return std::forward<Work>(work)();
}

}  // namespace ditmill::dist
