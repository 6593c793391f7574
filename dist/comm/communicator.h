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
enum class Purpose {
  plan,
  agreement,
  weights,
  items,
  progress,
  heartbeat,
  guidance,    ///< predictions of the two halves of cfg
  ulysses,     ///< heads against tokens
  ring,        ///< keys and values
  sequence,    ///< tokens of all ranks after the last block
  stages,      ///< activations and latents between pipeline stages
  tensor,      ///< partial sums of tp
  parameters,  ///< blocks of fsdp
  pictures,    ///< the VAE's halos, keys, tiles and frames
};
inline constexpr std::array<Purpose, 14> purposes{
    Purpose::plan,      Purpose::agreement, Purpose::weights,    Purpose::items,   Purpose::progress,
    Purpose::heartbeat, Purpose::guidance,  Purpose::ulysses,    Purpose::ring,    Purpose::sequence,
    Purpose::stages,    Purpose::tensor,    Purpose::parameters, Purpose::pictures};
std::string_view name(Purpose purpose) noexcept;

/// A message that has arrived.
struct Message {
  int from = 0;
  std::vector<std::byte> bytes;
};

/// Bytes that this rank gave or got, and calls, of one purpose. A broadcast counts its bytes once a rank, an
/// exchange those that it gives; probes that found nothing are not counted.
struct Traffic {
  std::uint64_t bytes = 0;
  std::uint64_t calls = 0;
  double seconds = 0;    ///< that the calling thread spent in it
  double in_flight = 0;  ///< from the start of exchanges to their end; what is above `seconds` was hidden

  Traffic& operator+=(const Traffic& other) noexcept;
  Traffic operator-(const Traffic& earlier) const noexcept;
};

/// Bytes for another rank of an exchange. They stay as they are until the exchange has ended.
struct Outgoing {
  int to = 0;
  const void* data = nullptr;
  std::size_t bytes = 0;
};
/// Room for the bytes of another rank.
struct Incoming {
  int from = 0;
  void* data = nullptr;
  std::size_t bytes = 0;
};

class CommunicatorImpl;
class RequestImpl;
class TrafficTable;

/// An exchange under way. Move-only; a default one has ended.
class Request {
 public:
  Request() noexcept;
  Request(std::unique_ptr<RequestImpl> impl, std::shared_ptr<TrafficTable> traffic, Purpose why) noexcept;
  Request(Request&&) noexcept;
  Request& operator=(Request&&) noexcept;
  /// Waits, and swallows what that throws: wait() is the call that can fail.
  ~Request();

  /// Returns when all buffers of the exchange may be used again: on the host at once; on a device for what is
  /// put on the thread's current stream from now on. Throws Error(communication). Once.
  void wait();
  explicit operator bool() const noexcept { return impl_ != nullptr; }  ///< still under way

 private:
  std::unique_ptr<RequestImpl> impl_;
  std::shared_ptr<TrafficTable> traffic_;
  Purpose why_ = Purpose::plan;
};

/// A group of ranks. Move-only; knows neither mpi.h nor nccl.h; a moved-from one may only be destroyed or
/// assigned to. Collective calls are made by all ranks of the group in the same order. Every call throws
/// Error(communication) with the library's own words. Counts of any size: they are split in one place.
/// Tensors travel by comm/tensors.h, which builds its collectives on exchange().
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

  /// Starts giving bytes to some ranks and getting bytes from others; it goes on while this rank computes.
  /// Not collective: what a rank gives another, that one must get, both with the same number of bytes and in
  /// the same order. To itself a rank may give too. On a device, it begins after what the thread's current
  /// stream holds. One thread at a time.
  Request exchange(std::span<const Outgoing> outgoing, std::span<const Incoming> incoming, Purpose why) const;

  /// Sends a message; returns when `bytes` may be reused. `tag` is 0 to 32765. Safe from any thread.
  void send(std::span<const std::byte> bytes, int to, int tag, Purpose why) const;
  /// Sends a message, and returns at once: it goes on its way while this rank does something else. After what
  /// this rank has sent there before. Safe from any thread. On MPI only errors at the start are thrown.
  void post(std::vector<std::byte> bytes, int to, int tag, Purpose why) const;
  /// A message with this tag from `from` (-1: anybody), if one has arrived. Never waits. Safe from any
  /// thread, but only one thread receives a given tag.
  std::optional<Message> try_receive(int from, int tag, Purpose why) const;

  Traffic traffic(Purpose why) const;

 private:
  std::unique_ptr<CommunicatorImpl> impl_;
  std::shared_ptr<TrafficTable> traffic_;
};

}  // namespace ditmill::dist
