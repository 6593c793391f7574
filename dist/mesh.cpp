#include "dist/mesh.h"

#include <algorithm>
#include <string>

#include "configs/error.h"
#include "configs/list_text.h"

namespace ditmill::dist {
namespace {

constexpr int most_ranks = 1 << 20;

std::string product_text(const std::array<int, 6>& degrees, bool with_dp) {
  std::string text;
  for (const Axis axis : axes) {
    const int degree = degrees[static_cast<std::size_t>(axis)];
    if (degree == 1 || (axis == Axis::dp && !with_dp)) continue;
    extend_list(text, std::string(name(axis)) + " " + std::to_string(degree), " x ");
  }
  return text.empty() ? "all degrees 1" : text;
}

/// The value of one axis that makes the product fit the world while all others stay, nearest to the one asked
/// for; 0 if there is none. Where dp is `auto`, a divisor of what the other axes leave is enough.
int fitting(int world, const std::array<int, 6>& degrees, Axis axis, bool dp_auto) {
  std::int64_t others = 1;
  for (const Axis other : axes) {
    if (other != axis && !(dp_auto && other == Axis::dp)) {
      others *= degrees[static_cast<std::size_t>(other)];
    }
    if (others > world) return 0;
  }
  if (world % others != 0) return 0;
  const int left = static_cast<int>(world / others);
  const int most = axis == Axis::cfg ? 2 : left;
  if (!dp_auto) return left <= most ? left : 0;
  const int asked = degrees[static_cast<std::size_t>(axis)];
  int best = 1;
  for (int value = 1; value <= std::min(left, most); ++value) {
    if (left % value == 0 && std::abs(value - asked) < std::abs(best - asked)) best = value;
  }
  return best;
}

std::string what_fits(int world, const std::array<int, 6>& degrees, bool dp_auto) {
  std::string text;
  for (const Axis axis : axes) {
    if (dp_auto && axis == Axis::dp) continue;
    const int asked = degrees[static_cast<std::size_t>(axis)];
    const int value = fitting(world, degrees, axis, dp_auto);
    // dp is always worth proposing; an axis that was not asked for is not.
    if (value == 0 || value == asked || (asked == 1 && axis != Axis::dp)) continue;
    extend_list(text, std::string(name(axis)) + ": " + std::to_string(value), ", or ");
  }
  return text;
}

}  // namespace

std::string_view name(Axis axis) noexcept {
  static constexpr std::array<std::string_view, 6> names{"dp", "cfg", "ring", "ulysses", "pp", "tp"};
  return names[static_cast<std::size_t>(axis)];
}

Mesh::Mesh(int world, const configs::ParallelConfig& degrees)
    : world_(world), degrees_{degrees.dp.value_or(1), degrees.cfg, degrees.ring,
                              degrees.ulysses,        degrees.pp,  degrees.tp} {
  if (world < 1 || world > most_ranks) {
    throw Error{Category::usage,
                "lay out the ranks",
                {},
                Expected{"1 to " + std::to_string(most_ranks) + " ranks"},
                Got{std::to_string(world)}};
  }
  std::int64_t product = 1;
  for (const Axis axis : axes) {
    const int degree = degrees_[static_cast<std::size_t>(axis)];
    if (degree < 1 || degree > most_ranks) {
      throw Error{Category::usage, "lay out the ranks",
                  Where{.key = "pipeline.parallel." + std::string(name(axis))},
                  Expected{"a degree from 1 to " + std::to_string(most_ranks)}, Got{std::to_string(degree)}};
    }
    // Once over the limit the exact product does not matter, and it must not wrap.
    product = std::min<std::int64_t>(product * degree, std::int64_t{most_ranks} * 2);
  }
  const bool dp_auto = !degrees.dp.has_value();
  if (dp_auto ? world % product == 0 : product == world) {
    if (dp_auto) degrees_[0] = static_cast<int>(world / product);
    return;
  }
  const std::string ranks = std::to_string(world) + (world == 1 ? " rank" : " ranks");
  const std::string total =
      product > most_ranks ? "more than " + std::to_string(most_ranks) : std::to_string(product);
  std::string hint = what_fits(world, degrees_, dp_auto);
  if (!hint.empty()) hint += " fits this world";
  if (product <= most_ranks) {
    hint += (hint.empty() ? "start " : "; or start ") + total + " ranks" +
            (dp_auto ? " or a multiple of it" : "");
  }
  throw Error{Category::usage,
              "lay out the ranks",
              Where{.key = "pipeline.parallel"},
              Expected{dp_auto ? "degrees whose product divides the world of " + ranks
                               : "degrees whose product is the world of " + ranks},
              Got{product_text(degrees_, !dp_auto) + " = " + total},
              hint};
}

int Mesh::coordinate(int rank, Axis axis) const noexcept {
  int stride = 1;
  for (std::size_t i = axes.size() - 1; i > static_cast<std::size_t>(axis); --i) stride *= degrees_[i];
  return rank / stride % degree(axis);
}

int Mesh::rank_at(const std::array<int, 6>& coordinates) const noexcept {
  int rank = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) rank = rank * degrees_[i] + coordinates[i];
  return rank;
}

std::vector<int> Mesh::peers(int rank, Axis axis) const {
  std::array<int, 6> coordinates{};
  for (const Axis each : axes) coordinates[static_cast<std::size_t>(each)] = coordinate(rank, each);
  std::vector<int> ranks;
  for (int i = 0; i < degree(axis); ++i) {
    coordinates[static_cast<std::size_t>(axis)] = i;
    ranks.push_back(rank_at(coordinates));
  }
  return ranks;
}

}  // namespace ditmill::dist
