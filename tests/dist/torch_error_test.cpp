#include "dist/torch_error.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace ditmill::dist {
namespace {

std::string words_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "no error";
}

TEST(TorchError, TellsWantOfMemoryFromOtherFailures) {
  EXPECT_TRUE(is_out_of_memory(words_of([] { at::empty({std::int64_t{1} << 58}); })));
  EXPECT_TRUE(is_out_of_memory("CUDA out of memory. Tried to allocate 2.00 GiB"));
  const std::string other = words_of([] { at::zeros({2}).view({3}); });
  EXPECT_FALSE(is_out_of_memory(other)) << other;
}

}  // namespace
}  // namespace ditmill::dist
