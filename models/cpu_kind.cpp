#include "models/cpu_kind.h"

#include <cpuid.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

namespace ditmill::models {
namespace {

/// The value of oneDNN's cap, in lower case as oneDNN reads it; empty: none.
std::string onednn_cap() {
  for (const char* variable : {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"}) {
    const char* text = std::getenv(variable);
    if (text == nullptr) continue;
    std::string value = text;
    std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
    return value;
  }
  return {};
}

/// What oneDNN calls avx512_core.
bool has_avx512_core() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

/// What oneDNN calls avx2_vnni_2: bfloat16 without AVX-512.
bool has_avx2_vnni_2() {
  constexpr unsigned avx_vnni = 1U << 4;                  // of eax
  constexpr unsigned vnni_int8_and_ne_convert = 3U << 4;  // of edx
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 &&
         (eax & avx_vnni) != 0 && (edx & vnni_int8_and_ne_convert) == vnni_int8_and_ne_convert;
}

}  // namespace

CpuKind this_cpu() {
  const std::string cap = onednn_cap();
  const bool narrow = cap == "sse41" || cap == "avx" || cap == "avx2" || cap == "avx2_vnni";
  const bool wide = !narrow && cap != "avx2_vnni_2" && has_avx512_core();
  return {.wide = wide, .native_bfloat16 = wide || (!narrow && has_avx2_vnni_2())};
}

}  // namespace ditmill::models
