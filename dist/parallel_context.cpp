#include "dist/parallel_context.h"

#include <array>
#include <optional>
#include <span>
#include <utility>

#include "configs/error.h"

namespace ditmill::dist {
namespace {

std::span<const Axis> axes_of(Team team) noexcept {
  static constexpr std::array<Axis, 5> all{Axis::cfg, Axis::ring, Axis::ulysses, Axis::pp, Axis::tp};
  const std::span<const Axis> axes(all);
  switch (team) {
    case Team::cfg:
      return axes.subspan(0, 1);
    case Team::ring:
      return axes.subspan(1, 1);
    case Team::ulysses:
      return axes.subspan(2, 1);
    case Team::pp:
      return axes.subspan(3, 1);
    case Team::tp:
      return axes.subspan(4, 1);
    case Team::sequence:
      return axes.subspan(1, 2);
    case Team::parameters:
      return axes.subspan(0, 3);
    case Team::clip:
      return axes;
  }
  return {};
}

}  // namespace

struct ParallelContext::Communicators {
  std::vector<Communicator> host;                     ///< by team
  std::vector<std::optional<Communicator>> carriers;  ///< by team; none where tensors travel by the host's
};

ParallelContext::ParallelContext(Mesh mesh, const Communicator& world,
                                 const std::function<Communicator(const Communicator&)>& carry)
    : mesh_(std::move(mesh)), rank_(world.rank()) {
  const auto made = std::make_shared<Communicators>();
  for (const Team team : teams) {
    // The lowest rank of the team: equal for its members, and for nobody else.
    std::array<int, 6> first{};
    for (const Axis axis : axes) first[static_cast<std::size_t>(axis)] = index(axis);
    for (const Axis axis : axes_of(team)) first[static_cast<std::size_t>(axis)] = 0;
    made->host.push_back(world.split(mesh_.rank_at(first), place(team), Purpose::plan));
    made->carriers.emplace_back();
    if (carry && made->host.back().size() > 1) made->carriers.back().emplace(carry(made->host.back()));
  }
  communicators_ = made;
}

int ParallelContext::size(Team team) const noexcept {
  int ranks = 1;
  for (const Axis axis : axes_of(team)) ranks *= degree(axis);
  return ranks;
}

int ParallelContext::place(Team team) const noexcept {
  int place = 0;
  for (const Axis axis : axes_of(team)) place = place * degree(axis) + index(axis);
  return place;
}

const Communicator& ParallelContext::team(Team team) const {
  const Communicator& by_host = host(team);
  const std::optional<Communicator>& carrier = communicators_->carriers[static_cast<std::size_t>(team)];
  return carrier ? *carrier : by_host;
}

const Communicator& ParallelContext::host(Team team) const {
  if (communicators_) return communicators_->host[static_cast<std::size_t>(team)];
  throw Error{Category::internal,
              "talk to other ranks",
              {},
              Expected{"a parallel context with communicators"},
              Got{"one that was made to plan with"}};
}

Traffic ParallelContext::traffic(Purpose why) const {
  Traffic sum;
  if (!communicators_) return sum;
  for (const Communicator& each : communicators_->host) sum += each.traffic(why);
  for (const std::optional<Communicator>& each : communicators_->carriers) {
    if (each) sum += each->traffic(why);
  }
  return sum;
}

}  // namespace ditmill::dist
