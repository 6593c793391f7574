#include "dist/weights/source/channel.h"

#include <gtest/gtest.h>

#include <thread>

namespace ditmill::dist {
namespace {

TEST(Channel, KeepsTheOrder) {
  Channel<int> channel;
  std::thread writer([&] {
    for (int i = 0; i < 10'000; ++i) channel.push(i);
  });
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(channel.pop(), i);
  writer.join();
}

TEST(Channel, EndsAWaitWhenItIsClosed) {
  Channel<int> channel;
  std::optional<int> got = 1;
  std::thread reader([&] { got = channel.pop(); });
  channel.close();
  reader.join();
  EXPECT_EQ(got, std::nullopt);
}

TEST(Channel, GivesNothingOnceClosed) {
  Channel<int> channel;
  channel.push(1);
  channel.close();
  channel.push(2);
  EXPECT_EQ(channel.pop(), std::nullopt);
}

}  // namespace
}  // namespace ditmill::dist
