#include "dist/comm/nccl.h"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/comm/communicator_impl.h"
#include "dist/comm/nccl_events.h"

namespace ditmill::dist {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* connecting = "connect GPUs by NCCL";
/// NCCL itself would wait for a rank that never comes.
constexpr std::chrono::seconds longest_connect{180};
/// For the exchanges under way when a communicator goes; a rank that died never gives its part.
constexpr std::chrono::seconds longest_farewell{10};

/// Calls `done` until it is true or the time is over. Spins first: a launch takes microseconds.
template <typename Done>
bool wait_until(const Done& done, std::optional<std::chrono::seconds> longest) {
  const Clock::time_point start = Clock::now();
  while (!done()) {
    const auto waited = Clock::now() - start;
    if (longest && waited > *longest) return false;
    if (waited < std::chrono::milliseconds(1)) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  return true;
}

/// NCCL's communicator of one rank, with what its exchanges run on. Requests share it.
class Connection {
 public:
  Connection(int rank, int size, const at::Device& device)
      : rank_(rank),
        size_(size),
        device_(device),
        stream_(make_urgent_stream()),
        ready_(make_event(cudaEventDisableTiming)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (comm_ == nullptr) return;
    // Destroying waits for what is under way; aborting ends kernels that wait for a rank that has died.
    if (!failed_ && ends_quietly()) {
      ncclCommDestroy(comm_);
    } else {
      ncclCommAbort(comm_);
    }
  }

  /// Meets the other ranks. Bounded, so that a rank that fails alone does not hang the rest.
  void connect(const ncclUniqueId& id) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // calls return ncclInProgress, and their errors come by polling
    expect_done(ncclCommInitRankConfig(&comm_, size_, id, rank_, &config), connecting, longest_connect);
  }

  /// Puts an exchange on the stream, behind what the current stream holds.
  EventPair start(std::span<const Outgoing> outgoing, std::span<const Incoming> incoming) {
    constexpr const char* doing = "exchange by NCCL";
    check_cuda(cudaSetDevice(device_.index()), doing);
    EventPair pair = times_.take();
    check_cuda(cudaEventRecord(ready_.get(), current_stream(device_)), doing);
    check_cuda(cudaStreamWaitEvent(stream_.get(), ready_.get(), 0), doing);
    check_cuda(cudaEventRecord(pair.begin.get(), stream_.get()), doing);
    expect_done(group(outgoing, incoming), doing, std::nullopt);
    // Only now are the kernels on the stream: ncclGroupEnd() returns before its launch.
    check_cuda(cudaEventRecord(pair.end.get(), stream_.get()), doing);
    return pair;
  }

  /// Makes the current stream wait for an exchange; returns the seconds of those that have ended.
  double finish(EventPair pair) {
    constexpr const char* doing = "wait for an exchange by NCCL";
    expect_done(ncclSuccess, doing, std::nullopt);
    check_cuda(cudaStreamWaitEvent(current_stream(device_), pair.end.get(), 0), doing);
    times_.give_back(std::move(pair));
    return times_.finished();
  }

  void copy(void* to, const void* from, std::size_t bytes) const {
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, current_stream(device_)),
               "copy on a device");
  }

 private:
  /// The first code that is no success. ncclGroupEnd() has to follow ncclGroupStart(), whatever is between.
  ncclResult_t group(std::span<const Outgoing> outgoing, std::span<const Incoming> incoming) {
    ncclResult_t first = ncclGroupStart();
    if (first != ncclSuccess) return first;
    const auto note = [&first](ncclResult_t code) {
      if (first == ncclSuccess && code != ncclInProgress) first = code;
    };
    for (const Incoming& piece : incoming) {
      note(ncclRecv(piece.data, piece.bytes, ncclUint8, piece.from, comm_, stream_.get()));
    }
    for (const Outgoing& piece : outgoing) {
      note(ncclSend(piece.data, piece.bytes, ncclUint8, piece.to, comm_, stream_.get()));
    }
    const ncclResult_t end = ncclGroupEnd();
    return first == ncclSuccess ? end : first;
  }

  /// NCCL's state: what the calls so far have come to.
  ncclResult_t state() const {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t code = ncclCommGetAsyncError(comm_, &state);
    return code == ncclSuccess ? state : code;
  }

  /// Waits until NCCL has done what it was asked, and throws what it says of it, or of an earlier exchange.
  void expect_done(ncclResult_t code, const char* doing, std::optional<std::chrono::seconds> longest) {
    if (code == ncclSuccess || code == ncclInProgress) {
      const bool ended = wait_until([&] { return (code = state()) != ncclInProgress; }, longest);
      if (ended && code == ncclSuccess) return;
    }
    failed_ = true;
    std::string words = code == ncclInProgress
                            ? "nothing for " + std::to_string(longest->count()) + " seconds"
                            : ncclGetErrorString(code);
    const char* details = comm_ == nullptr ? nullptr : ncclGetLastError(comm_);
    if (details != nullptr && *details != '\0') words += ": " + std::string(details);
    throw Error{Category::communication,
                doing,
                {},
                {},
                Got{printable(words, 2000) + ", on rank " + std::to_string(rank_) + " of " +
                    std::to_string(size_) + " of its group, " + device_.str()},
                "NCCL_DEBUG=INFO makes NCCL say more"};
  }

  /// Whether all exchanges have ended and NCCL has put its things away, within the time for it.
  bool ends_quietly() noexcept {
    cudaError_t rest = cudaErrorNotReady;
    wait_until([&] { return (rest = cudaStreamQuery(stream_.get())) != cudaErrorNotReady; },
               longest_farewell);
    if (rest != cudaSuccess) return false;
    ncclResult_t code = ncclCommFinalize(comm_);
    if (code == ncclInProgress) {
      wait_until([&] { return (code = state()) != ncclInProgress; }, longest_farewell);
    }
    return code == ncclSuccess;
  }

  int rank_;
  int size_;
  at::Device device_;
  Stream stream_;
  Event ready_;  ///< recorded anew by each exchange: a stream waits for what it was when it was told to
  ExchangeTimes times_;
  ncclComm_t comm_ = nullptr;
  bool failed_ = false;
};

class NcclRequest final : public RequestImpl {
 public:
  NcclRequest(std::shared_ptr<Connection> connection, EventPair pair)
      : connection_(std::move(connection)), pair_(std::move(pair)) {}

  double wait() override { return connection_->finish(std::move(pair_)); }

 private:
  std::shared_ptr<Connection> connection_;
  EventPair pair_;
};

class NcclCommunicator final : public CommunicatorImpl {
 public:
  NcclCommunicator(int rank, int size, std::shared_ptr<Connection> connection)
      : rank_(rank), size_(size), connection_(std::move(connection)) {}

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  std::unique_ptr<RequestImpl> exchange(std::span<const Outgoing> outgoing,
                                        std::span<const Incoming> incoming) override {
    return std::make_unique<NcclRequest>(connection_, connection_->start(outgoing, incoming));
  }
  void copy(void* to, const void* from, std::size_t bytes) override { connection_->copy(to, from, bytes); }

  std::unique_ptr<CommunicatorImpl> split(int /*color*/, int /*key*/) override { refuse("split"); }
  void barrier() override { refuse("barrier"); }
  void broadcast(std::span<std::byte> /*bytes*/, int /*root*/) override { refuse("broadcast"); }
  std::int64_t max(std::int64_t /*value*/) override { refuse("max"); }
  std::vector<std::string> gather(std::string_view /*bytes*/, int /*root*/) override { refuse("gather"); }
  void send(std::span<const std::byte> /*bytes*/, int /*to*/, int /*tag*/) override { refuse("send"); }
  std::optional<Message> try_receive(int /*from*/, int /*tag*/) override { refuse("try_receive"); }

 private:
  [[noreturn]] static void refuse(const char* what) {
    throw Error{Category::internal,
                "use NCCL",
                {},
                Expected{"exchange(): host bytes travel by the host's communicator"},
                Got{what}};
  }

  int rank_;
  int size_;
  std::shared_ptr<Connection> connection_;
};

/// Equal for ranks that share a device, on whatever machines they run.
std::string device_id(const at::Device& device) {
  if (!device.is_cuda()) {
    throw Error{Category::device, connecting, {}, Expected{"a CUDA device"}, Got{device.str()}};
  }
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, device.index()), connecting);
  check_cuda(cudaSetDevice(device.index()), connecting);
  return {properties.uuid.bytes, sizeof properties.uuid.bytes};
}

/// NCCL would refuse a shared device too, in words that do not help, or hang. Collective.
void expect_own_devices(const Communicator& host, const at::Device& device) {
  std::string id;
  agree(host, [&] { id = device_id(device); });
  const std::vector<std::string> ids = host.gather_text(id, 0, Purpose::plan);
  agree(host, [&] {
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t rank = 0; rank < ids.size(); ++rank) {
      const auto [first, is_new] = seen.try_emplace(ids[rank], rank);
      if (is_new) continue;
      throw Error{Category::usage,
                  connecting,
                  {},
                  Expected{"one rank a GPU"},
                  Got{"ranks " + std::to_string(first->second) + " and " + std::to_string(rank) +
                      " of a group of " + std::to_string(ids.size()) + " on one GPU"},
                  "start as many ranks on a machine as it has GPUs (--ntasks-per-node, --gpus-per-node), or "
                  "use --device cpu"};
    }
  });
}

}  // namespace

CudaLibraries cuda_libraries() {
  CudaLibraries libraries;
  int version = 0;
  if (ncclGetVersion(&version) == ncclSuccess) {
    libraries.nccl = std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
                     std::to_string(version % 100);
  }
  if (cudaRuntimeGetVersion(&version) == cudaSuccess) {
    libraries.runtime = std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  }
  if (cudaGetDeviceCount(&libraries.devices) != cudaSuccess) {
    libraries.devices = 0;
    cudaGetLastError();  // CUDA would report it again to the next caller
  }
  return libraries;
}

Communicator nccl_communicator(const Communicator& host, const at::Device& device) {
  expect_own_devices(host, device);
  ncclUniqueId id{};
  std::shared_ptr<Connection> connection;
  agree(host, [&] {
    connection = std::make_shared<Connection>(host.rank(), host.size(), device);
    if (host.rank() > 0 || host.size() == 1) return;
    const ncclResult_t code = ncclGetUniqueId(&id);
    if (code == ncclSuccess) return;
    throw Error{Category::communication, connecting, {}, {}, Got{ncclGetErrorString(code)}};
  });
  if (host.size() > 1) {
    host.broadcast(std::as_writable_bytes(std::span(&id, 1)), 0, Purpose::plan);
    agree(host, [&] { connection->connect(id); });
  }
  return Communicator(std::make_unique<NcclCommunicator>(host.rank(), host.size(), std::move(connection)));
}

}  // namespace ditmill::dist
