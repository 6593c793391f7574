#pragma once

#include <cstddef>
#include <span>

namespace ditmill::jobs::plan {

/// How many items a group gets when it asks: large enough that texts are encoded in windows, small enough
/// near the end of the list that all groups finish together (guided self-scheduling: half of an even share).
/// A group that computes `together` items at once gets as many, as long as that leaves the others their
/// share.
std::size_t grant_size(std::size_t left, int groups, int window, std::size_t together = 1) noexcept;

/// How a list of items runs on groups.
struct Schedule {
  double seconds = 0;       ///< until the last item is finished
  double tail_seconds = 0;  ///< of these, since the first group has nothing left to do
  double idle_share = 0;    ///< of the groups' time, idle in the tail
};

/// Runs items, each as long as `seconds` says, in their order: handed out as the coordinator does, in grants
/// of grant_size(); a group asks for the next when it begins the
/// last item of the present one.
Schedule simulate(std::span<const float> seconds, int groups, int window, std::size_t together = 1);

}  // namespace ditmill::jobs::plan
