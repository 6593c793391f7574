#include "models/kernels/cpu/level.h"

#include <ATen/native/CPUBlas.h>

#include "models/cpu_kind.h"

namespace ditmill::models::kernels::cpu {

std::vector<const Level*> levels_here() {
  std::vector<const Level*> levels;
  const CpuKind cpu = this_cpu();
  if (cpu.wide) {
    // LibTorch packs for AMX alone.
    if (at::native::cpublas::could_pack(at::kBFloat16)) levels.push_back(&avx512::level_of_tiles());
    if (cpu.native_bfloat16 && __builtin_cpu_supports("avx512bf16"))
      levels.push_back(&avx512::level_of_pairs());
    levels.push_back(&avx512::level());
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) levels.push_back(&avx2::level());
  return levels;
}

}  // namespace ditmill::models::kernels::cpu
