#include "models/cpu_kind.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace ditmill::models {
namespace {

/// The cap of a test, and what was there before.
class Cap {
 public:
  explicit Cap(const char* value) {
    if (const char* before = std::getenv(variable)) before_ = before;
    value == nullptr ? unsetenv(variable) : setenv(variable, value, 1);
  }
  ~Cap() { before_ ? setenv(variable, before_->c_str(), 1) : unsetenv(variable); }
  Cap(const Cap&) = delete;
  Cap& operator=(const Cap&) = delete;

 private:
  static constexpr const char* variable = "ONEDNN_MAX_CPU_ISA";
  std::optional<std::string> before_;
};

TEST(CpuKind, IsWhatOneDnnSaysOfIt) {
  const auto supported =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_is_mkldnn_bf16_supported", "").typed<bool()>();
  EXPECT_EQ(this_cpu().native_bfloat16, supported.call());
}

TEST(CpuKind, IsNarrowWhereOneDnnIsCapped) {
  for (const char* value : {"AVX2", "avx2", "AVX2_VNNI", "AVX", "SSE41"}) {
    const Cap cap(value);
    EXPECT_EQ(this_cpu(), (CpuKind{.wide = false, .native_bfloat16 = false})) << value;
  }
}

TEST(CpuKind, IsTheMachinesWhereTheCapIsAboveIt) {
  const Cap none(nullptr);
  const CpuKind machine = this_cpu();
  for (const char* value : {"DEFAULT", "ALL", "AVX512_CORE_AMX"}) {
    const Cap cap(value);
    EXPECT_EQ(this_cpu(), machine) << value;
  }
}

}  // namespace
}  // namespace ditmill::models
