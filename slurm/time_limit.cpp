#include "slurm/time_limit.h"

#include <array>
#include <charconv>
#include <numeric>
#include <system_error>
#include <vector>

namespace ditmill::slurm {

std::optional<double> limit_seconds(std::string_view text) {
  const std::size_t dash = text.find('-');
  const bool has_days = dash != std::string_view::npos;
  std::vector<double> numbers;
  for (std::string_view rest = text; numbers.empty() || !rest.empty();) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(value);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) break;
    const char expected = has_days && numbers.size() == 1 ? '-' : ':';
    if (rest.front() != expected || rest.size() == 1) return std::nullopt;
    rest.remove_prefix(1);
  }
  constexpr std::array<double, 4> after_days{86'400, 3600, 60, 1};
  static constexpr std::array<std::array<double, 3>, 3> without_days{{{60}, {60, 1}, {3600, 60, 1}}};
  if (numbers.size() > (has_days ? 4U : 3U)) return std::nullopt;
  const double* units = has_days ? after_days.data() : without_days[numbers.size() - 1].data();
  return std::inner_product(numbers.begin(), numbers.end(), units, 0.0);
}

}  // namespace ditmill::slurm
