#include "dist/weights/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
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

constexpr std::size_t read_bytes = std::size_t{64} << 20;
constexpr std::size_t link_bytes = std::size_t{32} << 20;
constexpr double about_as_fast = 1.1;

/// Bytes a second of the slowest rank that does `work` on its `bytes`, from a common start. Collective.
double rate(const Communicator& world, bool works, std::size_t bytes, const std::function<void()>& work) {
  world.barrier(Purpose::weights);
  const auto start = std::chrono::steady_clock::now();
  const std::optional<Error> failure = works ? failure_of(work) : std::nullopt;
  const auto took =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start);
  agree_on(world, failure);
  const std::int64_t slowest =
      std::max<std::int64_t>(world.max(works ? took.count() : 0, Purpose::weights), 1);
  return static_cast<double>(bytes) * 1e9 / static_cast<double>(slowest);
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
    const std::size_t own = chunks_.size() * (node + 1) / machines - next_;
    count_ = std::clamp<std::size_t>(own / 2, 1, read_bytes / registry::leaf_bytes);
  }

  /// Of one reading, about: the last chunk of a file is short.
  std::size_t bytes() const noexcept { return count_ * registry::leaf_bytes; }
  void read() {
    for (std::size_t i = 0; i < count_; ++i) {
      const Chunk& chunk = chunks_[(next_ + i) % chunks_.size()];
      sources_[chunk.file]->read_at(chunk.offset, frame_.payload(chunk.length));
    }
    next_ += count_;  // what was read may be nearer now
  }

 private:
  std::vector<Chunk> chunks_;
  Sources sources_;
  Frame frame_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
};

double probe_link(const Nodes& nodes) {
  const bool leads = nodes.local().rank() == 0;
  std::vector<std::byte> out(leads ? link_bytes : 0);
  std::vector<std::byte> in(out.size());
  return rate(nodes.world(), leads, link_bytes, [&] {
    const Communicator& ring = nodes.leaders();
    const Outgoing give{(ring.rank() + 1) % ring.size(), out.data(), out.size()};
    const Incoming get{(ring.rank() + ring.size() - 1) % ring.size(), in.data(), in.size()};
    ring.exchange({&give, 1}, {&get, 1}, Purpose::weights).wait();
  });
}

}  // namespace

Rates probe_rates(const Nodes& nodes, const ComponentPlan& plan, const OpenSource& open) {
  const bool leads = nodes.local().rank() == 0;
  std::optional<OwnPart> part;
  agree(nodes.world(), [&] {
    if (leads) part.emplace(nodes, plan, open);
  });
  const auto bytes = static_cast<std::size_t>(
      nodes.world().max(leads ? static_cast<std::int64_t>(part->bytes()) : 0, Purpose::weights));
  Rates rates;
  rates.read_together = rate(nodes.world(), leads, bytes, [&] { part->read(); });
  rates.read_alone = rate(nodes.world(), leads && nodes.node() == 0, bytes, [&] { part->read(); });
  rates.link = probe_link(nodes);
  return rates;
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
