#include "dist/comm/communicator.h"

#include <array>
#include <chrono>
#include <cstring>
#include <mutex>
#include <utility>

#include "configs/error.h"
#include "dist/comm/communicator_impl.h"

namespace ditmill::dist {

/// Counts by purpose; any thread adds.
class TrafficTable {
 public:
  void add(Purpose why, const Traffic& more) {
    const std::scoped_lock lock(mutex_);
    table_[static_cast<std::size_t>(why)] += more;
  }
  Traffic of(Purpose why) const {
    const std::scoped_lock lock(mutex_);
    return table_[static_cast<std::size_t>(why)];
  }

 private:
  mutable std::mutex mutex_;
  std::array<Traffic, purposes.size()> table_{};
};

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Adds one call to the table when it goes, also when the call throws: what was tried is traffic too.
class Counted {
 public:
  Counted(TrafficTable& table, Purpose why, std::uint64_t bytes) : table_(table), why_(why), bytes_(bytes) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { table_.add(why_, {.bytes = bytes_, .calls = 1, .seconds = seconds_since(start_)}); }

  void add_bytes(std::uint64_t bytes) { bytes_ += bytes; }

 private:
  TrafficTable& table_;
  Purpose why_;
  std::uint64_t bytes_;
  Clock::time_point start_ = Clock::now();
};

void expect_rank(int rank, int size, const char* doing) {
  if (rank >= 0 && rank < size) return;
  throw Error{Category::internal,
              doing,
              {},
              Expected{"a rank below " + std::to_string(size)},
              Got{std::to_string(rank)}};
}

void expect_tag(int tag, const char* doing) {
  if (tag >= 0 && tag < first_reserved_tag) return;
  throw Error{Category::internal,
              doing,
              {},
              Expected{"a tag from 0 to " + std::to_string(first_reserved_tag - 1)},
              Got{std::to_string(tag)}};
}

}  // namespace

std::string_view name(Purpose purpose) noexcept {
  static constexpr std::array<std::string_view, purposes.size()> names{
      "plan",    "agreement", "weights",  "items",  "progress", "heartbeat",  "guidance",
      "ulysses", "ring",      "sequence", "stages", "tensor",   "parameters", "pictures"};
  return names[static_cast<std::size_t>(purpose)];
}

Traffic& Traffic::operator+=(const Traffic& other) noexcept {
  bytes += other.bytes;
  calls += other.calls;
  seconds += other.seconds;
  in_flight += other.in_flight;
  return *this;
}

Traffic Traffic::operator-(const Traffic& earlier) const noexcept {
  return {.bytes = bytes - earlier.bytes,
          .calls = calls - earlier.calls,
          .seconds = seconds - earlier.seconds,
          .in_flight = in_flight - earlier.in_flight};
}

Request::Request() noexcept = default;
Request::Request(std::unique_ptr<RequestImpl> impl, std::shared_ptr<TrafficTable> traffic,
                 Purpose why) noexcept
    : impl_(std::move(impl)), traffic_(std::move(traffic)), why_(why) {}
Request::Request(Request&&) noexcept = default;

Request& Request::operator=(Request&& other) noexcept {
  std::swap(impl_, other.impl_);
  std::swap(traffic_, other.traffic_);
  std::swap(why_, other.why_);
  return *this;
}

Request::~Request() {
  try {
    wait();
  } catch (const std::exception&) {
    // The buffers are about to go: it had to be waited for, and who wants its error calls wait().
    impl_.reset();
  }
}

void Request::wait() {
  if (!impl_) return;
  const auto start = Clock::now();
  const std::unique_ptr<RequestImpl> impl = std::move(impl_);
  const double in_flight = impl->wait();
  traffic_->add(why_, {.seconds = seconds_since(start), .in_flight = in_flight});
}

Communicator::Communicator(std::unique_ptr<CommunicatorImpl> impl)
    : impl_(std::move(impl)), traffic_(std::make_shared<TrafficTable>()) {}
Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&&) noexcept = default;
Communicator::~Communicator() = default;

int Communicator::rank() const noexcept { return impl_->rank(); }
int Communicator::size() const noexcept { return impl_->size(); }

Communicator Communicator::split(int color, int key, Purpose why) const {
  const Counted counted(*traffic_, why, 0);
  return Communicator(impl_->split(color, key));
}

void Communicator::barrier(Purpose why) const {
  const Counted counted(*traffic_, why, 0);
  impl_->barrier();
}

void Communicator::broadcast(std::span<std::byte> bytes, int root, Purpose why) const {
  expect_rank(root, size(), "broadcast");
  const Counted counted(*traffic_, why, bytes.size());
  impl_->broadcast(bytes, root);
}

std::string Communicator::broadcast_text(std::string text, int root, Purpose why) const {
  std::uint64_t length = text.size();
  broadcast(std::as_writable_bytes(std::span(&length, 1)), root, why);
  text.resize(length);
  if (length > 0) broadcast(std::as_writable_bytes(std::span(text)), root, why);
  return text;
}

std::int64_t Communicator::max(std::int64_t value, Purpose why) const {
  const Counted counted(*traffic_, why, sizeof value);
  return impl_->max(value);
}

std::vector<std::string> Communicator::gather_text(std::string_view text, int root, Purpose why) const {
  expect_rank(root, size(), "gather");
  Counted counted(*traffic_, why, rank() == root ? 0 : text.size());
  std::vector<std::string> texts = impl_->gather(text, root);
  for (const std::string& each : texts) counted.add_bytes(each.size());
  return texts;
}

Request Communicator::exchange(std::span<const Outgoing> outgoing, std::span<const Incoming> incoming,
                               Purpose why) const {
  Counted counted(*traffic_, why, 0);
  std::vector<Outgoing> give;
  std::vector<Incoming> get;
  std::vector<Outgoing> own;
  for (const Outgoing& piece : outgoing) {
    expect_rank(piece.to, size(), "exchange");
    if (piece.to == rank()) {
      own.push_back(piece);
    } else if (piece.bytes > 0) {
      give.push_back(piece);
      counted.add_bytes(piece.bytes);
    }
  }
  std::size_t copied = 0;
  for (const Incoming& piece : incoming) {
    expect_rank(piece.from, size(), "exchange");
    if (piece.from != rank()) {
      if (piece.bytes > 0) get.push_back(piece);
      continue;
    }
    if (copied == own.size() || own[copied].bytes != piece.bytes) {
      throw Error{Category::internal,
                  "exchange",
                  {},
                  Expected{"what this rank gives itself to be what it gets"},
                  Got{std::to_string(piece.bytes) + " bytes to get"}};
    }
    impl_->copy(piece.data, own[copied++].data, piece.bytes);
  }
  if (give.empty() && get.empty()) return {};
  return {impl_->exchange(give, get), traffic_, why};
}

void Communicator::send(std::span<const std::byte> bytes, int to, int tag, Purpose why) const {
  expect_rank(to, size(), "send a message");
  expect_tag(tag, "send a message");
  const Counted counted(*traffic_, why, bytes.size());
  impl_->send(bytes, to, tag);
}

void Communicator::post(std::vector<std::byte> bytes, int to, int tag, Purpose why) const {
  expect_rank(to, size(), "send a message");
  expect_tag(tag, "send a message");
  const Counted counted(*traffic_, why, bytes.size());
  impl_->post(std::move(bytes), to, tag);
}

std::optional<Message> Communicator::try_receive(int from, int tag, Purpose why) const {
  if (from != -1) expect_rank(from, size(), "receive a message");
  expect_tag(tag, "receive a message");
  const auto start = Clock::now();
  std::optional<Message> message = impl_->try_receive(from, tag);
  // A probe that found nothing is no traffic: a coordinator makes thousands of them a minute.
  if (message) {
    traffic_->add(why, {.bytes = message->bytes.size(), .calls = 1, .seconds = seconds_since(start)});
  }
  return message;
}

Traffic Communicator::traffic(Purpose why) const { return traffic_->of(why); }

}  // namespace ditmill::dist
