#include "dist/comm/threads.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include "configs/error.h"
#include "dist/comm/communicator_impl.h"

namespace ditmill::dist {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int collective_tag = first_reserved_tag;

/// A message in its mailbox.
struct Letter {
  std::vector<std::byte> bytes;
  Clock::time_point sent;
};

/// Who writes to whom, in which communicator, with which tag.
using Address = std::tuple<int, int, int, int>;

/// The mailboxes of all ranks. A message is copied when it is sent, so that nobody waits for a receiver.
class PostOffice {
 public:
  void post(const Address& address, std::span<const std::byte> bytes) {
    {
      const std::scoped_lock lock(mutex_);
      boxes_[address].push_back({{bytes.begin(), bytes.end()}, Clock::now()});
    }
    arrived_.notify_all();
  }

  Letter take(const Address& address) {
    std::unique_lock lock(mutex_);
    std::deque<Letter>& box = boxes_[address];
    arrived_.wait(lock, [&] { return failed_ || !box.empty(); });
    if (box.empty()) {
      throw Error{
          Category::communication, "wait for another rank", {}, {}, Got{"a rank of this process failed"}};
    }
    Letter letter = std::move(box.front());
    box.pop_front();
    return letter;
  }

  /// The first message with this tag from `from`, or from anybody (-1).
  std::optional<Message> try_take(int communicator, int from, int to, int tag) {
    const std::scoped_lock lock(mutex_);
    for (auto& [address, box] : boxes_) {
      const auto& [where, sender, receiver, kind] = address;
      if (where != communicator || receiver != to || kind != tag || box.empty()) continue;
      if (from >= 0 && sender != from) continue;
      Message message{.from = sender, .bytes = std::move(box.front().bytes)};
      box.pop_front();
      return message;
    }
    return std::nullopt;
  }

  void fail() {
    {
      const std::scoped_lock lock(mutex_);
      failed_ = true;
    }
    arrived_.notify_all();
  }
  int new_communicator() {
    const std::scoped_lock lock(mutex_);
    return ++communicators_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<Address, std::deque<Letter>> boxes_;
  bool failed_ = false;
  int communicators_ = 0;
};

class ThreadRequest final : public RequestImpl {
 public:
  ThreadRequest(PostOffice& office, std::vector<std::pair<Address, Incoming>> wanted)
      : office_(office), wanted_(std::move(wanted)) {}

  double wait() override {
    Clock::time_point end = start_;
    for (const auto& [address, piece] : wanted_) {
      const Letter letter = office_.take(address);
      if (letter.bytes.size() != piece.bytes) {
        throw Error{Category::communication,
                    "exchange",
                    {},
                    Expected{std::to_string(piece.bytes) + " bytes from rank " + std::to_string(piece.from)},
                    Got{std::to_string(letter.bytes.size())}};
      }
      std::memcpy(piece.data, letter.bytes.data(), piece.bytes);
      end = std::max(end, letter.sent);
    }
    return std::chrono::duration<double>(end - start_).count();
  }

 private:
  PostOffice& office_;
  std::vector<std::pair<Address, Incoming>> wanted_;
  Clock::time_point start_ = Clock::now();
};

class ThreadCommunicator final : public CommunicatorImpl {
 public:
  ThreadCommunicator(PostOffice& office, int id, int rank, int size)
      : office_(office), id_(id), rank_(rank), size_(size) {}

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  std::unique_ptr<CommunicatorImpl> split(int color, int key) override {
    const std::array<int, 2> mine{color, key};
    const std::vector<std::string> all = gather(text_of(mine), 0);
    std::array<int, 3> place{};  // communicator, rank, size
    if (rank_ == 0) {
      for (int to = size_ - 1; to >= 0; --to) {
        place = place_of(all, to);
        if (to > 0) post(to, text_of(place));
      }
      ids_.clear();
    } else {
      const std::vector<std::byte> bytes = take(0);
      std::memcpy(place.data(), bytes.data(), sizeof place);
    }
    return std::make_unique<ThreadCommunicator>(office_, place[0], place[1], place[2]);
  }

  void barrier() override { max(0); }

  void broadcast(std::span<std::byte> bytes, int root) override {
    if (rank_ != root) {
      const std::vector<std::byte> got = take(root);
      if (got.size() != bytes.size()) {
        throw Error{Category::communication,
                    "broadcast",
                    {},
                    Expected{std::to_string(bytes.size()) + " bytes"},
                    Got{std::to_string(got.size())}};
      }
      std::ranges::copy(got, bytes.begin());
      return;
    }
    for (int to = 0; to < size_; ++to) {
      if (to != root) office_.post({id_, rank_, to, collective_tag}, bytes);
    }
  }

  std::int64_t max(std::int64_t value) override {
    const std::array<std::int64_t, 1> mine{value};
    std::array<std::int64_t, 1> largest = mine;
    for (const std::string& text : gather(text_of(mine), 0)) {
      std::int64_t other = 0;
      std::memcpy(&other, text.data(), sizeof other);
      largest[0] = std::max(largest[0], other);
    }
    broadcast(std::as_writable_bytes(std::span(largest)), 0);
    return largest[0];
  }

  std::vector<std::string> gather(std::string_view bytes, int root) override {
    if (rank_ != root) {
      post(root, bytes);
      return {};
    }
    std::vector<std::string> all;
    for (int from = 0; from < size_; ++from) {
      if (from == root) {
        all.emplace_back(bytes);
        continue;
      }
      const std::vector<std::byte> got = take(from);
      all.emplace_back(reinterpret_cast<const char*>(got.data()), got.size());
    }
    return all;
  }

  std::unique_ptr<RequestImpl> exchange(std::span<const Outgoing> outgoing,
                                        std::span<const Incoming> incoming) override {
    std::vector<std::pair<Address, Incoming>> wanted;
    for (const Incoming& piece : incoming) {
      wanted.emplace_back(Address{id_, piece.from, rank_, exchange_tag}, piece);
    }
    auto request = std::make_unique<ThreadRequest>(office_, std::move(wanted));
    for (const Outgoing& piece : outgoing) {
      office_.post({id_, rank_, piece.to, exchange_tag},
                   {static_cast<const std::byte*>(piece.data), piece.bytes});
    }
    return request;
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }

  void send(std::span<const std::byte> bytes, int to, int tag) override {
    office_.post({id_, rank_, to, tag}, bytes);
  }

  std::optional<Message> try_receive(int from, int tag) override {
    return office_.try_take(id_, from, rank_, tag);
  }

 private:
  template <typename T, std::size_t n>
  static std::string_view text_of(const std::array<T, n>& values) {
    return {reinterpret_cast<const char*>(values.data()), sizeof values};
  }
  void post(int to, std::string_view bytes) {
    office_.post({id_, rank_, to, collective_tag}, std::as_bytes(std::span(bytes)));
  }
  std::vector<std::byte> take(int from) { return office_.take({id_, from, rank_, collective_tag}).bytes; }

  /// Where a split puts a rank; `all` holds the color and the key of every rank. On rank 0.
  std::array<int, 3> place_of(const std::vector<std::string>& all, int of) {
    const auto choice = [&](int rank) {
      std::array<int, 2> chosen{};
      std::memcpy(chosen.data(), all[static_cast<std::size_t>(rank)].data(), sizeof chosen);
      return chosen;
    };
    const auto [color, key] = choice(of);
    int before = 0;
    int members = 0;
    for (int other = 0; other < size_; ++other) {
      const auto [its_color, its_key] = choice(other);
      if (its_color != color) continue;
      ++members;
      if (std::pair(its_key, other) < std::pair(key, of)) ++before;
    }
    const auto [id, is_new] = ids_.try_emplace(color, 0);
    if (is_new) id->second = office_.new_communicator();
    return {id->second, before, members};
  }

  PostOffice& office_;
  int id_;
  int rank_;
  int size_;
  std::map<int, int> ids_;  ///< of the communicators of a split in hand, by color
};

}  // namespace

void run_on_threads(int ranks, const std::function<void(const Communicator& world)>& body) {
  PostOffice office;
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        body(Communicator(std::make_unique<ThreadCommunicator>(office, 0, rank, ranks)));
      } catch (...) {
        {
          const std::scoped_lock lock(mutex);
          if (!first) first = std::current_exception();
        }
        office.fail();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace ditmill::dist
