#include "jobs/engine/items/traffic_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "configs/list_text.h"

namespace ditmill::jobs::engine {
namespace {

using dist::Purpose;

constexpr std::array<Purpose, 8> axes_purposes{Purpose::guidance,   Purpose::ring,    Purpose::ulysses,
                                               Purpose::sequence,   Purpose::stages,  Purpose::tensor,
                                               Purpose::parameters, Purpose::pictures};

}  // namespace

std::string traffic_text(const dist::Communicator& comm, const dist::ParallelContext& parallel,
                         double seconds) {
  if (parallel.size(dist::Team::clip) == 1) return {};
  nlohmann::json mine{{"seconds", seconds}};
  for (const Purpose why : axes_purposes) {
    const dist::Traffic traffic = parallel.traffic(why);
    mine[dist::name(why)] = {traffic.bytes, traffic.seconds, traffic.in_flight};
  }
  const std::vector<std::string> texts = comm.gather_text(mine.dump(), 0, Purpose::progress);
  std::string text;
  for (const Purpose why : axes_purposes) {
    double bytes = 0, waited = 0, hidden = 0, under_way = 0, bubble = 0;
    for (const std::string& each : texts) {
      const nlohmann::json rank = nlohmann::json::parse(each);
      const nlohmann::json& traffic = rank.at(dist::name(why));
      const double exposed = traffic.at(1), in_flight = traffic.at(2);
      bytes = std::max(bytes, traffic.at(0).get<double>());
      waited = std::max(waited, exposed);
      hidden += std::max(0.0, in_flight - exposed);
      under_way += std::max(in_flight, exposed);
      bubble = std::max(bubble, exposed / std::max(rank.at("seconds").get<double>(), 1e-9));
    }
    if (bytes == 0) continue;
    extend_list(text,
                fmt::format("{} {:.3f} GB a rank, {:.2f} s waited", dist::name(why), bytes / 1e9, waited),
                "; ");
    text += why == Purpose::stages
                ? fmt::format(" (bubble {:.0f} %)", 100 * bubble)
                : fmt::format(", {:.0f} % hidden", 100 * hidden / std::max(under_way, 1e-9));
  }
  return text;
}

}  // namespace ditmill::jobs::engine
