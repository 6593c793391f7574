#include "dist/comm/communicator.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "configs/error.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::dist {
namespace {

using mpi_test::expect_same_everywhere;
using mpi_test::session;
using mpi_test::world;
using testing::HasSubstr;

constexpr std::size_t leaf = std::size_t{4} << 20;

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  unsigned state = seed * 2654435761u + 1;
  for (std::byte& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

std::string dots(int rank) { return std::string(static_cast<std::size_t>(rank) * 70'000, '.'); }

Message wait_for(const Communicator& comm, int from, int tag) {
  for (;;) {
    if (std::optional<Message> message = comm.try_receive(from, tag, Purpose::items))
      return *std::move(message);
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

TEST(Communicator, BroadcastsTheBytesOfEachRoot) {
  for (int root = 0; root < world().size(); ++root) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{4097},
                                   std::size_t{65'536}, leaf - 1, leaf, leaf + 1, 3 * leaf + 7}) {
      const std::vector<std::byte> sent = pattern(size, static_cast<unsigned>(root + 1));
      std::vector<std::byte> bytes = world().rank() == root ? sent : std::vector<std::byte>(size);
      world().broadcast(bytes, root, Purpose::weights);
      EXPECT_EQ(bytes, sent) << size << " bytes from rank " << root;
    }
  }
}

TEST(Communicator, SplitsCountsThatOneCallCannotTake) {
  const Communicator small = session().world(1000);
  const int next = (small.rank() + 1) % small.size();
  const int previous = (small.rank() + small.size() - 1) % small.size();
  for (const std::size_t size : {0u, 1u, 999u, 1000u, 1001u, 2000u, 123'457u}) {
    const std::vector<std::byte> sent = pattern(size, 5);
    std::vector<std::byte> bytes = small.rank() == 0 ? sent : std::vector<std::byte>(size);
    small.broadcast(bytes, 0, Purpose::weights);
    EXPECT_EQ(bytes, sent);

    std::thread sender([&] { small.send(sent, next, 3, Purpose::items); });
    const Message message = wait_for(small, previous, 3);
    sender.join();
    EXPECT_EQ(message.bytes, sent);

    const std::string text(size, static_cast<char>('a' + small.rank()));
    const std::vector<std::string> texts = small.gather_text(text, 0, Purpose::plan);
    for (std::size_t rank = 0; rank < texts.size(); ++rank) {
      EXPECT_EQ(texts[rank], std::string(size, static_cast<char>('a' + rank)));
    }
  }
}

TEST(Communicator, BroadcastsTextsWhoseLengthOnlyRootKnows) {
  for (int root = 0; root < world().size(); ++root) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{1'000'000}}) {
      std::string text = world().rank() == root ? std::string(size, '\xfe') : "something else";
      EXPECT_EQ(world().broadcast_text(std::move(text), root, Purpose::plan), std::string(size, '\xfe'));
    }
  }
}

TEST(Communicator, FindsTheLargestValue) {
  const std::int64_t rank = world().rank();
  EXPECT_EQ(world().max(rank, Purpose::agreement), world().size() - 1);
  EXPECT_EQ(world().max(-rank, Purpose::agreement), 0);
  EXPECT_EQ(world().max(rank == 0 ? INT64_MIN : INT64_MIN + 1, Purpose::agreement),
            world().size() == 1 ? INT64_MIN : INT64_MIN + 1);
  EXPECT_EQ(world().max(INT64_MAX, Purpose::agreement), INT64_MAX);
}

TEST(Communicator, GathersTextsInRankOrderOnRootOnly) {
  const std::string mine = "rank " + std::to_string(world().rank()) + dots(world().rank());
  const int root = world().size() - 1;
  const std::vector<std::string> texts =
      world().gather_text(world().rank() == 1 ? std::string() : mine, root, Purpose::plan);
  if (world().rank() != root) {
    EXPECT_TRUE(texts.empty());
    return;
  }
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(world().size()));
  for (int rank = 0; rank < world().size(); ++rank) {
    const std::string expected = rank == 1 ? "" : "rank " + std::to_string(rank) + dots(rank);
    EXPECT_EQ(texts[static_cast<std::size_t>(rank)], expected);
  }
}

TEST(Communicator, SplitsIntoGroupsOrderedByKey) {
  const Communicator part = world().split(world().rank() % 2, -world().rank(), Purpose::plan);
  const int even = (world().size() + 1) / 2;
  EXPECT_EQ(part.size(), world().rank() % 2 == 0 ? even : world().size() - even);
  const std::vector<std::string> ranks = part.gather_text(std::to_string(world().rank()), 0, Purpose::plan);
  EXPECT_TRUE(std::is_sorted(ranks.rbegin(), ranks.rend()));
}

TEST(Communicator, TellsWhatMpiSaysWhenACallFails) {
  try {
    world().split(-5, 0, Purpose::plan);
    ADD_FAILURE() << "MPI takes a negative color";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::communication);
    EXPECT_THAT(error.what(), HasSubstr("split"));
    EXPECT_THAT(error.got(), HasSubstr("MPI_ERR"));
  }
  world().barrier(Purpose::plan);
}

TEST(Communicator, RefusesRanksAndTagsThatAreNone) {
  std::array<std::byte, 1> byte{};
  EXPECT_THROW(world().broadcast(byte, world().size(), Purpose::plan), Error);
  EXPECT_THROW(world().gather_text("", -1, Purpose::plan), Error);
  EXPECT_THROW(world().send(byte, -1, 0, Purpose::items), Error);
  EXPECT_THROW(world().send(byte, 0, 32'767, Purpose::items), Error);
  EXPECT_THROW(world().send(byte, 0, -1, Purpose::items), Error);
  EXPECT_THROW(world().try_receive(world().size(), 0, Purpose::items), Error);
  EXPECT_THROW(world().try_receive(-1, -1, Purpose::items), Error);
}

TEST(Communicator, KeepsMessagesOfDifferentTagsAndSendersApart) {
  const int next = (world().rank() + 1) % world().size();
  const int previous = (world().rank() + world().size() - 1) % world().size();
  EXPECT_FALSE(world().try_receive(-1, 11, Purpose::items).has_value());
  world().barrier(Purpose::items);
  const std::array first{std::byte{1}};
  const std::array second{std::byte{2}, std::byte{3}};
  world().send(first, next, 11, Purpose::items);
  world().send(second, next, 12, Purpose::items);
  EXPECT_EQ(wait_for(world(), previous, 12).bytes.size(), 2u);
  const Message message = wait_for(world(), -1, 11);
  EXPECT_EQ(message.from, previous);
  EXPECT_EQ(message.bytes.size(), 1u);
  EXPECT_FALSE(world().try_receive(-1, 11, Purpose::items).has_value());
}

TEST(Communicator, ServesAThreadWhileTheMainThreadIsInCollectives) {
  constexpr int rounds = 100;
  const auto serve = [] {
    for (int answered = 0; answered < rounds * world().size(); ++answered) {
      const Message asked = wait_for(world(), -1, 21);
      world().send(asked.bytes, asked.from, 22, Purpose::items);
    }
  };
  const auto ask = [] {
    for (int round = 0; round < rounds; ++round) {
      const std::vector<std::byte> sent =
          pattern(round % 10 == 0 ? 100'000 : 20, static_cast<unsigned>(round));
      world().send(sent, 0, 21, Purpose::items);
      EXPECT_EQ(wait_for(world(), 0, 22).bytes, sent);
    }
  };
  std::thread server;
  if (world().rank() == 0) server = std::thread(serve);
  std::thread client(ask);
  for (unsigned round = 0; round < 50; ++round) {
    const std::vector<std::byte> sent = pattern(300'000, round);
    std::vector<std::byte> bytes = world().rank() == 0 ? sent : std::vector<std::byte>(sent.size());
    world().broadcast(bytes, 0, Purpose::weights);
    EXPECT_EQ(bytes, sent);
    EXPECT_EQ(world().max(world().rank(), Purpose::agreement), world().size() - 1);
  }
  client.join();
  if (server.joinable()) server.join();
  world().barrier(Purpose::plan);
}

TEST(Communicator, CountsTrafficByPurpose) {
  const Communicator comm = session().world();
  std::vector<std::byte> bytes(1000);
  comm.broadcast(bytes, 0, Purpose::weights);
  comm.broadcast(bytes, 0, Purpose::weights);
  comm.barrier(Purpose::agreement);
  EXPECT_FALSE(comm.try_receive(-1, 1, Purpose::items).has_value());
  EXPECT_EQ(comm.traffic(Purpose::weights).bytes, 2000u);
  EXPECT_EQ(comm.traffic(Purpose::weights).calls, 2u);
  EXPECT_GE(comm.traffic(Purpose::weights).seconds, 0);
  EXPECT_EQ(comm.traffic(Purpose::agreement).calls, 1u);
  EXPECT_EQ(comm.traffic(Purpose::items).calls, 0u);
  EXPECT_EQ(comm.traffic(Purpose::plan).calls, 0u);
  EXPECT_EQ(comm.traffic(Purpose::plan).bytes, 0u);
}

TEST(Communicator, MovesLikeAValue) {
  Communicator first = session().world();
  Communicator second = std::move(first);
  EXPECT_EQ(second.size(), world().size());
  first = second.split(0, 0, Purpose::plan);
  EXPECT_EQ(first.rank(), world().rank());
}

TEST(MpiSession, KnowsTheRanksOfThisMachine) {
  EXPECT_EQ(session().local_size(), world().size()) << "mpirun started these ranks on one machine";
  expect_same_everywhere(MpiSession::library_version());
}

TEST(Purpose, HasANameEach) {
  std::set<std::string_view> names;
  for (const Purpose purpose : purposes) EXPECT_TRUE(names.insert(name(purpose)).second);
}

}  // namespace
}  // namespace ditmill::dist
