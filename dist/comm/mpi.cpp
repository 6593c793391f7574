#include "dist/comm/mpi.h"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "configs/error.h"
#include "dist/comm/chunks.h"
#include "dist/comm/communicator_impl.h"

namespace ditmill::dist {
namespace {

/// Throws Error(communication) with MPI's own words unless the call succeeded.
void check(int code, const char* doing) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
  throw Error{Category::communication,
              doing,
              {},
              {},
              Got{length > 0 ? std::string(text.data(), static_cast<std::size_t>(length))
                             : "MPI error " + std::to_string(code)}};
}

/// Waits until something is done. Spins first, for what takes microseconds; then sleeps an eighth of the time
/// waited so far (at most 1 ms), because Open MPI's own waits take a whole core from a rank that computes.
template <typename Done>
void wait_until(const Done& done) {
  using std::chrono::microseconds;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  while (!done()) {
    const auto waited = std::chrono::duration_cast<microseconds>(Clock::now() - start);
    if (waited < microseconds(50)) continue;
    std::this_thread::sleep_for(std::clamp(waited / 8, microseconds(10), microseconds(1000)));
  }
}

void wait(MPI_Request& request, const char* doing) {
  wait_until([&] {
    int done = 0;
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), doing);
    return done != 0;
  });
}

/// So many bytes as a count and a type whose counts fit an int.
class ByteRun {
 public:
  ByteRun(std::size_t bytes, std::size_t limit) {
    if (bytes <= limit) {
      count_ = static_cast<int>(bytes);
      return;
    }
    std::vector<int> lengths;
    std::vector<MPI_Aint> offsets;
    for_each_chunk(bytes, limit, [&](std::size_t offset, std::size_t length) {
      lengths.push_back(static_cast<int>(length));
      offsets.push_back(static_cast<MPI_Aint>(offset));
    });
    check(MPI_Type_create_hindexed(static_cast<int>(lengths.size()), lengths.data(), offsets.data(), MPI_BYTE,
                                   &type_),
          "describe a large message");
    count_ = 1;
    check(MPI_Type_commit(&type_), "describe a large message");
  }
  ByteRun(const ByteRun&) = delete;
  ByteRun& operator=(const ByteRun&) = delete;
  ~ByteRun() {
    if (type_ != MPI_BYTE) MPI_Type_free(&type_);
  }

  int count() const noexcept { return count_; }
  MPI_Datatype type() const noexcept { return type_; }

 private:
  int count_ = 0;
  MPI_Datatype type_ = MPI_BYTE;
};

constexpr int gather_tag = first_reserved_tag;

/// The requests of one exchange. Any thread may test them.
class MpiExchange {
 public:
  using Clock = std::chrono::steady_clock;

  void add(MPI_Request request) { requests_.push_back(request); }

  /// Keeps the bytes of a message until it has gone.
  const std::vector<std::byte>& keep(std::vector<std::byte> bytes) {
    kept_ = std::move(bytes);
    return kept_;
  }

  /// Whether all have ended; makes MPI go on with them. Throws what MPI says of one that failed.
  bool test() {
    const std::scoped_lock lock(mutex_);
    while (!requests_.empty()) {
      int done = 0;
      check(MPI_Test(&requests_.back(), &done, MPI_STATUS_IGNORE), "exchange");
      if (done == 0) return false;
      requests_.pop_back();
      if (requests_.empty()) end_ = Clock::now();
    }
    return true;
  }
  double seconds() const { return std::chrono::duration<double>(end_ - start_).count(); }

 private:
  std::mutex mutex_;
  std::vector<std::byte> kept_;
  std::vector<MPI_Request> requests_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point end_ = start_;
};

/// Makes MPI go on with exchanges while the ranks' own threads compute: Open MPI moves large messages only
/// inside its calls. The thread starts with the first exchange, and sleeps between looks.
class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    {
      const std::scoped_lock lock(mutex_);
      ends_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  void watch(std::shared_ptr<MpiExchange> exchange) {
    {
      const std::scoped_lock lock(mutex_);
      watched_.push_back(std::move(exchange));
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ends_ || !watched_.empty(); });
      if (ends_) return;
      const std::vector<std::shared_ptr<MpiExchange>> now = watched_;
      lock.unlock();
      std::vector<const MpiExchange*> ended;
      for (const auto& exchange : now) {
        if (has_ended(*exchange)) ended.push_back(exchange.get());
      }
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      lock.lock();
      std::erase_if(watched_,
                    [&](const auto& each) { return std::ranges::find(ended, each.get()) != ended.end(); });
    }
  }

  static bool has_ended(MpiExchange& exchange) {
    try {
      return exchange.test();
    } catch (const Error&) {
      return true;  // whoever waits for it meets the same error
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<MpiExchange>> watched_;
  bool ends_ = false;
  std::thread thread_;
};

class MpiRequest final : public RequestImpl {
 public:
  explicit MpiRequest(std::shared_ptr<MpiExchange> exchange) : exchange_(std::move(exchange)) {}

  double wait() override {
    wait_until([this] { return exchange_->test(); });
    return exchange_->seconds();
  }

 private:
  std::shared_ptr<MpiExchange> exchange_;
};

class MpiCommunicator final : public CommunicatorImpl {
 public:
  /// Takes the handle over.
  MpiCommunicator(MPI_Comm comm, std::size_t limit, std::shared_ptr<Progress> progress)
      : comm_(comm), limit_(limit), progress_(std::move(progress)) {
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "make a communicator");
    check(MPI_Comm_rank(comm_, &rank_), "make a communicator");
    check(MPI_Comm_size(comm_, &size_), "make a communicator");
  }
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;
  ~MpiCommunicator() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0) MPI_Comm_free(&comm_);
  }

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  std::unique_ptr<CommunicatorImpl> split(int color, int key) override {
    MPI_Comm part = MPI_COMM_NULL;
    check(MPI_Comm_split(comm_, color, key, &part), "split a communicator");
    return std::make_unique<MpiCommunicator>(part, limit_, progress_);
  }

  void barrier() override {
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Ibarrier(comm_, &request), "wait for all ranks");
    wait(request, "wait for all ranks");
  }

  void broadcast(std::span<std::byte> bytes, int root) override {
    if (size_ == 1) return;
    for_each_chunk(bytes.size(), limit_, [&](std::size_t offset, std::size_t length) {
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Ibcast(bytes.data() + offset, static_cast<int>(length), MPI_BYTE, root, comm_, &request),
            "broadcast");
      wait(request, "broadcast");
    });
  }

  std::int64_t max(std::int64_t value) override {
    std::int64_t largest = value;
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Iallreduce(&value, &largest, 1, MPI_INT64_T, MPI_MAX, comm_, &request), "compare values");
    wait(request, "compare values");
    return largest;
  }

  std::vector<std::string> gather(std::string_view bytes, int root) override {
    const std::uint64_t mine = bytes.size();
    std::vector<std::uint64_t> lengths(rank_ == root ? static_cast<std::size_t>(size_) : 0);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Igather(&mine, 1, MPI_UINT64_T, lengths.data(), 1, MPI_UINT64_T, root, comm_, &request),
          "gather");
    wait(request, "gather");
    if (rank_ != root) {
      if (mine > 0) start_send(std::as_bytes(std::span(bytes)), root, gather_tag, "gather");
      return {};
    }
    std::vector<std::string> all(lengths.size());
    for (int from = 0; from < size_; ++from) {
      std::string& text = all[static_cast<std::size_t>(from)];
      text.resize(lengths[static_cast<std::size_t>(from)]);
      if (from == root) {
        text = bytes;
      } else if (!text.empty()) {
        const ByteRun run(text.size(), limit_);
        check(MPI_Irecv(text.data(), run.count(), run.type(), from, gather_tag, comm_, &request), "gather");
        wait(request, "gather");
      }
    }
    return all;
  }

  std::unique_ptr<RequestImpl> exchange(std::span<const Outgoing> outgoing,
                                        std::span<const Incoming> incoming) override {
    auto exchange = std::make_shared<MpiExchange>();
    for (const Incoming& piece : incoming) {
      const ByteRun run(piece.bytes, limit_);
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Irecv(piece.data, run.count(), run.type(), piece.from, exchange_tag, comm_, &request),
            "exchange");
      exchange->add(request);
    }
    for (const Outgoing& piece : outgoing) {
      const ByteRun run(piece.bytes, limit_);
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Isend(piece.data, run.count(), run.type(), piece.to, exchange_tag, comm_, &request),
            "exchange");
      exchange->add(request);
    }
    if (!exchange->test()) progress_->watch(exchange);
    return std::make_unique<MpiRequest>(std::move(exchange));
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }

  void send(std::span<const std::byte> bytes, int to, int tag) override {
    start_send(bytes, to, tag, "send a message");
  }

  void post(std::vector<std::byte> bytes, int to, int tag) override {
    auto message = std::make_shared<MpiExchange>();
    const std::vector<std::byte>& kept = message->keep(std::move(bytes));
    const ByteRun run(kept.size(), limit_);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Isend(kept.data(), run.count(), run.type(), to, tag, comm_, &request), "send a message");
    message->add(request);
    if (!message->test()) progress_->watch(message);
  }

  std::optional<Message> try_receive(int from, int tag) override {
    int arrived = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status{};
    check(MPI_Improbe(from < 0 ? MPI_ANY_SOURCE : from, tag, comm_, &arrived, &handle, &status),
          "look for a message");
    if (arrived == 0) return std::nullopt;
    MPI_Count length = 0;
    check(MPI_Get_elements_x(&status, MPI_BYTE, &length), "receive a message");
    Message message{.from = status.MPI_SOURCE,
                    .bytes = std::vector<std::byte>(static_cast<std::size_t>(length))};
    const ByteRun run(message.bytes.size(), limit_);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Imrecv(message.bytes.data(), run.count(), run.type(), &handle, &request), "receive a message");
    wait(request, "receive a message");
    return message;
  }

 private:
  void start_send(std::span<const std::byte> bytes, int to, int tag, const char* doing) {
    const ByteRun run(bytes.size(), limit_);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Isend(bytes.data(), run.count(), run.type(), to, tag, comm_, &request), doing);
    wait(request, doing);
  }

  MPI_Comm comm_;
  std::size_t limit_;
  std::shared_ptr<Progress> progress_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

MpiSession::MpiSession(int& argc, char**& argv) {
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "start MPI");
  if (provided < MPI_THREAD_MULTIPLE) {
    MPI_Finalize();
    throw Error{Category::communication,
                "start MPI",
                {},
                Expected{"MPI_THREAD_MULTIPLE"},
                Got{"thread level " + std::to_string(provided)},
                "use an MPI library that was built with thread support"};
  }
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "start MPI");
  check(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "start MPI");
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node),
        "find local ranks");
  check(MPI_Comm_size(node, &local_size_), "find local ranks");
  check(MPI_Comm_free(&node), "find local ranks");
}

MpiSession::~MpiSession() { MPI_Finalize(); }

Communicator MpiSession::world(std::size_t most_bytes) const {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_WORLD, &copy), "make a communicator");
  return Communicator(std::make_unique<MpiCommunicator>(copy, most_bytes, std::make_shared<Progress>()));
}

void MpiSession::abort(int code) {
  MPI_Abort(MPI_COMM_WORLD, code);
  std::abort();  // MPI_Abort may return
}

std::string MpiSession::library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check(MPI_Get_library_version(text.data(), &length), "ask for MPI's version");
  const std::string version(text.data());  // the length that Open MPI gives counts the NUL
  return version.substr(0, version.find('\n'));
}

}  // namespace ditmill::dist
