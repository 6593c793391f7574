#include "dist/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

TEST(Device, CpuIsCpuWhateverTheMachineHas) {
  const at::Device device = choose_device(DeviceChoice::cpu, 3);
  EXPECT_EQ(device, at::kCPU);
  EXPECT_EQ(describe_device(device), "cpu");
  EXPECT_EQ(free_memory(device), 0U);
}

/// On a machine with GPUs the device, on any other the refusal.
TEST(Device, CudaIsADeviceOrAnErrorThatSaysWhatToDo) {
  const at::Device automatic = choose_device(DeviceChoice::automatic, 0);
  try {
    const at::Device device = choose_device(DeviceChoice::cuda, 0);
    EXPECT_TRUE(device.is_cuda());
    EXPECT_EQ(automatic, device);
    EXPECT_GT(free_memory(device), 0U);
    EXPECT_THAT(describe_device(device), testing::HasSubstr("cuda:0"));
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::device);
    EXPECT_EQ(exit_code(error.category()), 3);
    EXPECT_THAT(error.what(), testing::HasSubstr("--device cpu"));
    EXPECT_EQ(automatic, at::kCPU);
  }
}

}  // namespace
}  // namespace ditmill::dist
