#include "dist/weights/work_of_ranks.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace ditmill::dist {
namespace {

void take_longest(LoadSeconds& seconds, const nlohmann::json& other) {
  seconds.read = std::max(seconds.read, other.at(0).get<double>());
  seconds.network = std::max(seconds.network, other.at(1).get<double>());
  seconds.hash = std::max(seconds.hash, other.at(2).get<double>());
  seconds.copy = std::max(seconds.copy, other.at(3).get<double>());
}

nlohmann::json row(const LoadSeconds& seconds) {
  return nlohmann::json::array({seconds.read, seconds.network, seconds.hash, seconds.copy});
}

}  // namespace

LoadWork work_of_ranks(const Communicator& comm, const LoadWork& mine) {
  const nlohmann::json told =
      nlohmann::json::array({row(mine.busy), row(mine.stall), mine.read_bytes, mine.verified_bytes,
                             mine.private_bytes, mine.shared_bytes, mine.mapped_bytes});
  LoadWork all;
  for (const std::string& text : comm.gather_text(told.dump(), 0, Purpose::agreement)) {
    const nlohmann::json of_rank = nlohmann::json::parse(text);
    take_longest(all.busy, of_rank.at(0));
    take_longest(all.stall, of_rank.at(1));
    all += {.busy = {},
            .stall = {},
            .read_bytes = of_rank.at(2).get<std::uint64_t>(),
            .verified_bytes = of_rank.at(3).get<std::uint64_t>(),
            .private_bytes = of_rank.at(4).get<std::uint64_t>(),
            .shared_bytes = of_rank.at(5).get<std::uint64_t>(),
            .mapped_bytes = of_rank.at(6).get<std::uint64_t>()};
  }
  return all;
}

}  // namespace ditmill::dist
