#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::dist {

/// Why ranks talk; every call says so, and bytes are counted by it.
enum class Purpose { plan, agreement, weights, items, progress };
inline constexpr std::array<Purpose, 5> purposes{Purpose::plan, Purpose::agreement, Purpose::weights,
                                                 Purpose::items, Purpose::progress};
std::string_view name(Purpose purpose) noexcept;

/// A message that has arrived.
struct Message {
  int from = 0;
  std::vector<std::byte> bytes;
};

/// Bytes that this rank gave or got, and calls, of one purpose. A broadcast counts its bytes once a rank;
/// probes that found nothing are not counted.
struct Traffic {
  std::uint64_t bytes = 0;
  std::uint64_t calls = 0;
  double seconds = 0;
};

class CommunicatorImpl;
class TrafficTable;

/// A group of ranks. Move-only; knows neither mpi.h nor nccl.h; a moved-from one may only be destroyed or
/// assigned to. Collective calls are made by all ranks of the group in the same order. Every call throws
/// Error(communication) with the library's own words. Counts of any size: they are split in one place.
class Communicator {
 public:
  explicit Communicator(std::unique_ptr<CommunicatorImpl> impl);
  Communicator(Communicator&&) noexcept;
  Communicator& operator=(Communicator&&) noexcept;
  ~Communicator();

  int rank() const noexcept;
  int size() const noexcept;

  /// Groups of equal color, ordered by key, then by rank. Collective.
  Communicator split(int color, int key, Purpose why) const;
  void barrier(Purpose why) const;
  /// Every rank ends up with root's bytes; the spans are equally long. Collective.
  void broadcast(std::span<std::byte> bytes, int root, Purpose why) const;
  /// Root's text on every rank; lengths are exchanged. Collective.
  std::string broadcast_text(std::string text, int root, Purpose why) const;
  /// The largest value of all ranks. Collective.
  std::int64_t max(std::int64_t value, Purpose why) const;
  /// The texts of all ranks in rank order, on root; empty elsewhere. Collective.
  std::vector<std::string> gather_text(std::string_view text, int root, Purpose why) const;

  /// Sends a message; returns when `bytes` may be reused. `tag` is 0 to 32766. Safe from any thread.
  void send(std::span<const std::byte> bytes, int to, int tag, Purpose why) const;
  /// A message with this tag from `from` (-1: anybody), if one has arrived. Never waits. Safe from any
  /// thread, but only one thread receives a given tag.
  std::optional<Message> try_receive(int from, int tag, Purpose why) const;

  Traffic traffic(Purpose why) const;

 private:
  std::unique_ptr<CommunicatorImpl> impl_;
  std::unique_ptr<TrafficTable> traffic_;
};

}  // namespace ditmill::dist
