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
  void add(Purpose why, std::uint64_t bytes, std::chrono::duration<double> time) {
    const std::scoped_lock lock(mutex_);
    Traffic& traffic = table_[static_cast<std::size_t>(why)];
    traffic.bytes += bytes;
    traffic.calls += 1;
    traffic.seconds += time.count();
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

/// Adds one call to the table when it goes, also when the call throws: what was tried is traffic too.
class Counted {
 public:
  Counted(TrafficTable& table, Purpose why, std::uint64_t bytes) : table_(table), why_(why), bytes_(bytes) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { table_.add(why_, bytes_, std::chrono::steady_clock::now() - start_); }

  void add_bytes(std::uint64_t bytes) { bytes_ += bytes; }

 private:
  TrafficTable& table_;
  Purpose why_;
  std::uint64_t bytes_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
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
  static constexpr std::array<std::string_view, purposes.size()> names{"plan", "agreement", "weights",
                                                                       "items", "progress"};
  return names[static_cast<std::size_t>(purpose)];
}

Communicator::Communicator(std::unique_ptr<CommunicatorImpl> impl)
    : impl_(std::move(impl)), traffic_(std::make_unique<TrafficTable>()) {}
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

void Communicator::send(std::span<const std::byte> bytes, int to, int tag, Purpose why) const {
  expect_rank(to, size(), "send a message");
  expect_tag(tag, "send a message");
  const Counted counted(*traffic_, why, bytes.size());
  impl_->send(bytes, to, tag);
}

std::optional<Message> Communicator::try_receive(int from, int tag, Purpose why) const {
  if (from != -1) expect_rank(from, size(), "receive a message");
  expect_tag(tag, "receive a message");
  const auto start = std::chrono::steady_clock::now();
  std::optional<Message> message = impl_->try_receive(from, tag);
  // A probe that found nothing is no traffic: a coordinator makes thousands of them a minute.
  if (message) traffic_->add(why, message->bytes.size(), std::chrono::steady_clock::now() - start);
  return message;
}

Traffic Communicator::traffic(Purpose why) const { return traffic_->of(why); }

}  // namespace ditmill::dist
