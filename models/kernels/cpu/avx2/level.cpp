// Compiled for AVX2 and FMA: nothing that other files share may be instantiated here.
#include "models/kernels/cpu/avx2/lanes.h"
#include "models/kernels/cpu/kernels_of.h"

namespace ditmill::models::kernels::cpu::avx2 {

const Level& level() {
  static constexpr Level kernels = level_of<Lanes, 6, 1>("avx2");
  return kernels;
}

}  // namespace ditmill::models::kernels::cpu::avx2
