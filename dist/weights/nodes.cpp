#include "dist/weights/nodes.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "dist/comm/agree.h"

namespace ditmill::dist {

Nodes::Nodes(const Communicator& world, const std::string& machine) : Nodes(world, find(world, machine)) {}

Nodes::Found Nodes::find(const Communicator& world, const std::string& machine) {
  const std::vector<std::string> machines = world.gather_text(machine, 0, Purpose::plan);
  // A line a rank: the number of its machine.
  std::string numbers;
  std::vector<std::string_view> known;
  for (const std::string& each : machines) {
    const auto found = std::ranges::find(known, each);
    numbers += std::to_string(found - known.begin()) + "\n";
    if (found == known.end()) known.emplace_back(each);
  }
  numbers = world.broadcast_text(std::move(numbers), 0, Purpose::plan);
  Found mine;
  const char* at = numbers.data();
  const char* const end = at + numbers.size();
  for (int rank = 0; rank < world.size(); ++rank) {
    int node = 0;
    at = std::from_chars(at, end, node).ptr + 1;
    mine.count = std::max(mine.count, node + 1);
    if (rank == world.rank()) mine.node = node;
  }
  return mine;
}

MachineRing* Nodes::ring(std::size_t frames) const {
  if (!ring_refused_.empty()) return nullptr;
  if (ring_ != nullptr && ring_->size() >= frames) return ring_.get();
  ring_.reset();
  try {
    ring_ = std::make_unique<MachineRing>(local_, frames);
  } catch (const AgreedError& error) {
    Where where = error.where();
    where.rank = -1;  // of local_, which means nothing to others
    ring_refused_ = error.with({.where = std::move(where)}).what();
  }
  return ring_.get();
}

std::uint64_t Nodes::weight_bytes_given() const {
  // Each communicator counts its own.
  std::uint64_t bytes = 0;
  const auto count = [&bytes](const Communicator& ranks) {
    if (ranks.size() > 1) bytes += ranks.traffic(Purpose::weights).bytes;
  };
  count(world());
  count(local());
  if (local().rank() == 0) count(leaders());
  return bytes;
}

}  // namespace ditmill::dist
