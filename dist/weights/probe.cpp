#include "dist/weights/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "dist/comm/agree.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/source/local_files.h"
#include "dist/weights/source/schedule.h"

namespace ditmill::dist {
namespace {

using configs::Strategy;

constexpr std::size_t read_bytes = std::size_t{64} << 20;  // at most
constexpr std::size_t piece_bytes = std::size_t{1} << 20;
constexpr std::chrono::milliseconds read_time{200};  // no piece is begun after it
constexpr std::size_t link_bytes = std::size_t{32} << 20;
constexpr double about_as_fast = 1.1;

/// Bytes a second of the slowest of the ranks that do `work`, which gives its bytes, from a common start.
/// Collective.
double rate(const Communicator& world, bool works, const std::function<std::size_t()>& work) {
  world.barrier(Purpose::weights);
  const auto start = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  const std::optional<Error> failure = works ? failure_of([&] { bytes = work(); }) : std::nullopt;
  const std::chrono::duration<double, std::pico> took = std::chrono::steady_clock::now() - start;
  agree_on(world, failure);
  const auto picoseconds_a_byte =
      bytes == 0 ? 0 : static_cast<std::int64_t>(took.count() / static_cast<double>(bytes));
  const std::int64_t slowest = std::max<std::int64_t>(world.max(picoseconds_a_byte, Purpose::weights), 1);
  return 1e12 / static_cast<double>(slowest);
}

/// A machine's own part of the files, chunk by chunk, so that no cache on the way has it from another's.
class OwnPart {
 public:
  OwnPart(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open)
      : chunks_(schedule(plan)), sources_(open_files(plan, open)) {
    read_past_cache(sources_);
    const auto node = static_cast<std::size_t>(nodes.node());
    const auto machines = static_cast<std::size_t>(nodes.count());
    next_ = chunks_.size() * node / machines;
  }

  /// Reads on, for a while; gives the bytes.
  std::size_t read() {
    const auto start = std::chrono::steady_clock::now();
    std::size_t bytes = 0;
    while (bytes < read_bytes && std::chrono::steady_clock::now() - start < read_time) {
      const Chunk& chunk = chunks_[next_ % chunks_.size()];
      const std::size_t piece = std::min(piece_bytes, chunk.length - at_);
      sources_[chunk.file]->read_at(chunk.offset + at_, frame_.payload(piece));
      bytes += piece;
      at_ += piece;
      if (at_ < chunk.length) continue;
      at_ = 0;
      ++next_;
    }
    return bytes;
  }

 private:
  std::vector<Chunk> chunks_;
  Sources sources_;
  Frame frame_;
  std::size_t next_ = 0;
  std::size_t at_ = 0;  ///< bytes of it that were read
};

Rates probe_reading(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open) {
  std::optional<OwnPart> part;  // of the first rank of each machine
  agree(nodes.world(), [&] {
    if (nodes.local().rank() == 0) part.emplace(nodes, plan, open);
  });
  const auto read = [&part] { return part->read(); };
  Rates rates;
  rates.read_together = rate(nodes.world(), part.has_value(), read);
  rates.read_alone = rate(nodes.world(), part.has_value() && nodes.node() == 0, read);
  return rates;
}

double probe_link(const Nodes& nodes) {
  const bool leads = nodes.local().rank() == 0;
  std::vector<std::byte> out(leads ? link_bytes : 0);
  std::vector<std::byte> in(out.size());
  return rate(nodes.world(), leads, [&] {
    const Communicator& ring = nodes.leaders();
    const Outgoing give{(ring.rank() + 1) % ring.size(), out.data(), out.size()};
    const Incoming get{(ring.rank() + ring.size() - 1) % ring.size(), in.data(), in.size()};
    ring.exchange({&give, 1}, {&get, 1}, Purpose::weights).wait();
    return link_bytes;
  });
}

}  // namespace

Rates probe_rates(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open) {
  Rates rates = probe_reading(nodes, plan, open);
  rates.link = probe_link(nodes);
  return rates;
}

int useful_readers(const Rates& rates, int machines) noexcept {
  const double more = machines * rates.read_together / rates.read_alone;
  return static_cast<int>(std::lround(std::clamp(more, 1.0, static_cast<double>(machines))));
}

int useful_readers(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open) {
  return useful_readers(probe_reading(nodes, plan, open), nodes.count());
}

Strategy fastest(const Rates& rates, int machines, Strategy each) noexcept {
  const double broadcast = std::min(rates.read_alone, rates.link);
  const double striped = std::min(machines * rates.read_together, rates.link);
  const double best = std::max({broadcast, striped, rates.read_together});
  if (broadcast * about_as_fast >= best) return Strategy::broadcast;
  return striped * about_as_fast >= best ? Strategy::striped : each;
}

std::string describe(const Rates& rates) {
  return fmt::format("a machine reads {:.2f} GB/s alone and {:.2f} while all do, a link gives {:.2f}",
                     rates.read_alone / 1e9, rates.read_together / 1e9, rates.link / 1e9);
}

}  // namespace ditmill::dist
