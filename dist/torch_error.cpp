#include "dist/torch_error.h"

namespace ditmill::dist {

bool is_out_of_memory(std::string_view words) noexcept {
  for (const std::string_view sign : {"can't allocate memory", "not enough memory", "out of memory"}) {
    if (words.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace ditmill::dist
