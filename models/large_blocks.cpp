#include "models/large_blocks.h"

#include <malloc.h>

namespace ditmill::models {

void give_large_blocks_back() {
  constexpr int least = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, least);
}

}  // namespace ditmill::models
