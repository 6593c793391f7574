#include "jobs/engine/items/stop_switch.h"

#include <gmock/gmock.h>

namespace ditmill::jobs::engine {
namespace {

using std::chrono::seconds;
using Clock = StopSwitch::Clock;

/// The deadline of a stop with so much grace, in seconds from now, where the allocation lasts so long.
double deadline(seconds grace, seconds last_moment) {
  const Clock::time_point now{};
  StopSwitch stop([now] { return now; });
  stop.set_last_moment(now + last_moment);
  stop.stop("told", grace);
  return std::chrono::duration<double>(stop.stopped()->deadline - now).count();
}

TEST(StopSwitch, GivesAnEarlyWarningTheTimeThatThereIs) {
  EXPECT_EQ(deadline(seconds{90}, seconds{140}), 140);
  EXPECT_EQ(deadline(seconds{90}, seconds{150}), 150);
  EXPECT_EQ(deadline(seconds{90}, seconds{151}), 90) << "that is no warning of the time limit";
  EXPECT_EQ(deadline(seconds{90}, seconds{20}), 20);
}

TEST(StopSwitch, IsThrownOnce) {
  StopSwitch stop;
  EXPECT_FALSE(stop.stopped());
  stop.stop("first", seconds{10});
  stop.stop("second", seconds{1000});
  EXPECT_EQ(stop.stopped()->why, "first");
}

}  // namespace
}  // namespace ditmill::jobs::engine
