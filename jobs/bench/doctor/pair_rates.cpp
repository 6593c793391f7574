#include "jobs/bench/doctor/pair_rates.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace ditmill::jobs::bench::doctor {
namespace {

constexpr std::size_t piece_bytes = std::size_t{4} << 20;
constexpr dist::Purpose why = dist::Purpose::progress;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void give(const dist::Communicator& nodes, int to, const void* data, std::size_t bytes) {
  const std::array<dist::Outgoing, 1> outgoing{{{.to = to, .data = data, .bytes = bytes}}};
  nodes.exchange(outgoing, {}, why).wait();
}

void get(const dist::Communicator& nodes, int from, void* data, std::size_t bytes) {
  const std::array<dist::Incoming, 1> incoming{{{.from = from, .data = data, .bytes = bytes}}};
  nodes.exchange({}, incoming, why).wait();
}

/// Two ranks that exchange pieces with each other.
class Pair {
 public:
  Pair(const dist::Communicator& nodes, int other) : nodes_(nodes), other_(other) {}

  double rate(double seconds) {
    exchange();  // connects
    constexpr std::int64_t most = 64;
    const double first = exchange();
    std::int64_t repeats = std::clamp(static_cast<std::int64_t>(seconds / first), std::int64_t{2}, most);
    if (nodes_.rank() < other_) {
      give(nodes_, other_, &repeats, sizeof repeats);
    } else {
      get(nodes_, other_, &repeats, sizeof repeats);
    }
    double best = first;
    for (std::int64_t i = 0; i < repeats; ++i) best = std::min(best, exchange());
    return 1e-6 * static_cast<double>(piece_bytes) / best;
  }

 private:
  double exchange() {
    const double began = now();
    const std::array<dist::Outgoing, 1> outgoing{{{.to = other_, .data = out_.data(), .bytes = out_.size()}}};
    const std::array<dist::Incoming, 1> incoming{{{.from = other_, .data = in_.data(), .bytes = in_.size()}}};
    nodes_.exchange(outgoing, incoming, why).wait();
    return now() - began;
  }

  const dist::Communicator& nodes_;
  int other_;
  std::vector<std::byte> out_ = std::vector<std::byte>(piece_bytes);
  std::vector<std::byte> in_ = std::vector<std::byte>(piece_bytes);
};

}  // namespace

int rounds_of(int nodes) { return nodes < 2 ? 0 : nodes + nodes % 2 - 1; }

int partner_of(int node, int round, int nodes) {
  // Around a table of an odd number of places, those whose numbers sum to the round meet; who would meet
  // itself meets the one beside the table, or nobody.
  const int places = rounds_of(nodes);
  const int beside = places;
  int partner = 0;
  if (node == beside) {
    partner = round * ((places + 1) / 2) % places;
  } else {
    partner = (round - node + places) % places;
    if (partner == node) partner = beside;
  }
  return partner < nodes ? partner : -1;
}

std::vector<double> measure_pairs(const dist::Communicator& nodes, double seconds) {
  std::vector<double> rates(static_cast<std::size_t>(nodes.size()));
  const int rounds = rounds_of(nodes.size());
  const double began = now();
  for (int round = 0; round < rounds; ++round) {
    const double left = seconds - (now() - began);
    // In milliseconds, agreed on: what the rank with least time has left decides for all.
    const std::int64_t least = -nodes.max(-static_cast<std::int64_t>(1e3 * left), why);
    if (round > 0 && least <= 0) break;
    const int other = partner_of(nodes.rank(), round, nodes.size());
    if (other < 0) continue;
    rates[static_cast<std::size_t>(other)] = Pair{nodes, other}.rate(
        1e-3 * static_cast<double>(std::max<std::int64_t>(least, 0)) / (rounds - round));
  }
  return rates;
}

double clock_offset(const dist::Communicator& nodes) {
  constexpr int questions = 5;
  double offset = 0;
  double quickest = std::numeric_limits<double>::max();
  for (int node = 1; node < nodes.size(); ++node) {
    for (int i = 0; i < questions; ++i) {
      double answer = 0;
      if (nodes.rank() == 0) {
        get(nodes, node, &answer, sizeof answer);
        answer = wall_clock();
        give(nodes, node, &answer, sizeof answer);
      } else if (nodes.rank() == node) {
        const double asked = wall_clock();
        const double began = now();
        give(nodes, 0, &answer, sizeof answer);
        get(nodes, 0, &answer, sizeof answer);
        const double took = now() - began;
        if (took >= quickest) continue;
        quickest = took;
        offset = asked + took / 2 - answer;
      }
    }
  }
  return offset;
}

}  // namespace ditmill::jobs::bench::doctor
