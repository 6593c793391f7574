#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// Tags from here on are a backend's own; callers of send() stay below.
inline constexpr int first_reserved_tag = 32766;
inline constexpr int exchange_tag = first_reserved_tag + 1;

/// A backend's exchange under way. Its destructor is called after wait() only.
class RequestImpl {
 public:
  virtual ~RequestImpl() = default;

  /// As Request::wait(). Returns the seconds from the start of the exchange to its end, as far as they are
  /// known (on a device, those of an exchange that ended earlier may be left out).
  virtual double wait() = 0;
};

/// What a backend implements. Calls, guarantees and errors as in Communicator, which counts, checks arguments
/// and builds the rest (texts, tensors) from these.
class CommunicatorImpl {
 public:
  virtual ~CommunicatorImpl() = default;

  virtual int rank() const noexcept = 0;
  virtual int size() const noexcept = 0;
  virtual std::unique_ptr<CommunicatorImpl> split(int color, int key) = 0;
  virtual void barrier() = 0;
  virtual void broadcast(std::span<std::byte> bytes, int root) = 0;
  virtual std::int64_t max(std::int64_t value) = 0;
  /// The bytes of all ranks in rank order, on root; empty elsewhere.
  virtual std::vector<std::string> gather(std::string_view bytes, int root) = 0;
  /// Nothing in it is for this rank itself, and none is empty.
  virtual std::unique_ptr<RequestImpl> exchange(std::span<const Outgoing> outgoing,
                                                std::span<const Incoming> incoming) = 0;
  /// Copies within this rank's memory, before exchange() of the rest.
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void send(std::span<const std::byte> bytes, int to, int tag) = 0;
  virtual void post(std::vector<std::byte> bytes, int to, int tag) { send(bytes, to, tag); }
  virtual std::optional<Message> try_receive(int from, int tag) = 0;
};

}  // namespace ditmill::dist
