// Compiled for AVX-512: nothing that other files share may be instantiated here.
#include "models/kernels/cpu/avx512/lanes.h"
#include "models/kernels/cpu/kernels_of.h"

namespace ditmill::models::kernels::cpu::avx512 {

const Level& level() {
  static constexpr Level kernels = level_of<Lanes, 12, 2>("avx512");
  return kernels;
}

}  // namespace ditmill::models::kernels::cpu::avx512
