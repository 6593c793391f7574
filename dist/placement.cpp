#include "dist/placement.h"

#include <algorithm>
#include <deque>
#include <map>

namespace ditmill::dist {
namespace {

using Coordinates = std::array<int, 6>;

constexpr std::size_t index_of(Axis axis) { return static_cast<std::size_t>(axis); }

Coordinates coordinates_of(const Mesh& mesh, int rank) {
  Coordinates found{};
  for (const Axis axis : axes) found[index_of(axis)] = mesh.coordinate(rank, axis);
  return found;
}

/// All mesh ranks in the order in which machines are filled.
std::vector<int> filling_order(const Mesh& mesh) {
  constexpr std::array<Axis, 6> slowest_first{Axis::dp, Axis::cfg,     Axis::ring,
                                              Axis::pp, Axis::ulysses, Axis::tp};
  std::vector<int> order;
  for (int place = 0; place < mesh.world(); ++place) {
    Coordinates coordinates{};
    int left = place;
    for (std::size_t i = slowest_first.size(); i-- > 0;) {
      coordinates[index_of(slowest_first[i])] = left % mesh.degree(slowest_first[i]);
      left /= mesh.degree(slowest_first[i]);
    }
    order.push_back(mesh.rank_at(coordinates));
  }
  return order;
}

/// The world's ranks that have no place yet, machine by machine in the order of their first ranks.
std::vector<std::deque<int>> free_ranks(std::span<const std::string> machines) {
  std::vector<std::deque<int>> free;
  std::map<std::string, std::size_t> known;
  for (std::size_t rank = 0; rank < machines.size(); ++rank) {
    const auto [found, first] = known.try_emplace(machines[rank], free.size());
    if (first) free.emplace_back();
    free[found->second].push_back(static_cast<int>(rank));
  }
  return free;
}

/// Gives whole blocks of `size` to machines that have room for them; what is left of the order comes back.
std::vector<int> place_blocks(const std::vector<int>& order, std::size_t size,
                              std::vector<std::deque<int>>& free, std::vector<int>& mesh_ranks) {
  std::size_t next = 0;
  for (std::deque<int>& machine : free) {
    while (machine.size() >= size && next < order.size()) {
      for (std::size_t i = 0; i < size; ++i, ++next) {
        mesh_ranks[static_cast<std::size_t>(machine.front())] = order[next];
        machine.pop_front();
      }
    }
  }
  return {order.begin() + static_cast<std::ptrdiff_t>(next), order.end()};
}

/// Names coordinates anew so that world rank 0 has all of them 0. No team changes its ranks by it.
void put_first(const Mesh& mesh, std::vector<int>& mesh_ranks) {
  const Coordinates first = coordinates_of(mesh, mesh_ranks.front());
  for (int& rank : mesh_ranks) {
    Coordinates coordinates = coordinates_of(mesh, rank);
    for (std::size_t axis = 0; axis < coordinates.size(); ++axis) {
      if (coordinates[axis] == first[axis]) {
        coordinates[axis] = 0;
      } else if (coordinates[axis] == 0) {
        coordinates[axis] = first[axis];
      }
    }
    rank = mesh.rank_at(coordinates);
  }
}

int crossing_teams(const Mesh& mesh, Axis axis, const std::vector<int>& mesh_ranks,
                   std::span<const std::string> machines) {
  std::vector<std::size_t> world_rank(mesh_ranks.size());
  for (std::size_t rank = 0; rank < mesh_ranks.size(); ++rank) {
    world_rank[static_cast<std::size_t>(mesh_ranks[rank])] = rank;
  }
  int crossing = 0;
  for (int rank = 0; rank < mesh.world(); ++rank) {
    if (mesh.coordinate(rank, axis) != 0) continue;
    const std::string& machine = machines[world_rank[static_cast<std::size_t>(rank)]];
    crossing += std::ranges::any_of(mesh.peers(rank, axis), [&](const int peer) {
      return machines[world_rank[static_cast<std::size_t>(peer)]] != machine;
    });
  }
  return crossing;
}

}  // namespace

Placement place_ranks(const Mesh& mesh, std::span<const std::string> machines) {
  Placement placement{.mesh_ranks = std::vector<int>(machines.size())};
  std::vector<std::deque<int>> free = free_ranks(machines);
  const auto tp = static_cast<std::size_t>(mesh.degree(Axis::tp));
  const auto ulysses = static_cast<std::size_t>(mesh.degree(Axis::ulysses));
  std::vector<int> order = filling_order(mesh);
  for (const std::size_t size : {tp * ulysses, tp, std::size_t{1}}) {
    order = place_blocks(order, size, free, placement.mesh_ranks);
  }
  put_first(mesh, placement.mesh_ranks);
  for (const Axis axis : axes) {
    placement.crossing[index_of(axis)] = crossing_teams(mesh, axis, placement.mesh_ranks, machines);
  }
  return placement;
}

}  // namespace ditmill::dist
