#include "models/wan/degrees.h"

#include <algorithm>
#include <string>

namespace ditmill::models::wan {

std::vector<Problem> check_degrees(const Dims& dit, const std::optional<Umt5Dims>& text_encoder,
                                   const configs::ParallelConfig& parallel) {
  std::vector<Problem> problems;
  const auto at_most = [&problems](const char* axis, int degree, std::int64_t most, const std::string& what) {
    if (degree <= most) return;
    problems.push_back({.message = std::string(axis) + " is more than " + what,
                        .expected = "at most " + std::to_string(most),
                        .got = std::to_string(degree),
                        .nearest = std::to_string(most),
                        .field = axis});
  };
  struct Width {
    std::int64_t size;
    const char* what;
  };
  std::vector<Width> widths{{dit.heads, "the transformer's attention heads"},
                            {dit.ffn_dim, "the transformer's ffn columns"}};
  if (text_encoder) {
    widths.push_back({text_encoder->heads, "the text encoder's attention heads"});
    widths.push_back({text_encoder->ffn_dim, "the text encoder's ffn columns"});
  }
  const Width& narrowest = *std::ranges::min_element(widths, {}, &Width::size);
  at_most("tp", parallel.tp, narrowest.size, narrowest.what);
  if (problems.empty()) {
    // The smallest slice: heads are shared out unevenly where tp does not divide them.
    at_most("ulysses", parallel.ulysses, dit.heads / parallel.tp,
            "the transformer's attention heads" +
                (parallel.tp == 1 ? std::string{} : " in a slice of tp " + std::to_string(parallel.tp)));
  }
  at_most("pp", parallel.pp, dit.layers, "the transformer's blocks");
  return problems;
}

}  // namespace ditmill::models::wan
