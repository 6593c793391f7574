#include "models/large_blocks.h"

#include <malloc.h>

#include <cstdlib>

namespace ditmill::models {

void give_large_blocks_back() {
  constexpr int least = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, least);
}

void use_huge_pages() { ::setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0); }

}  // namespace ditmill::models
