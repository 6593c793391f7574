#include "jobs/bench/load/load_limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/weights/source/direct_source.h"
#include "dist/weights/source/file_map.h"
#include "dist/weights/source/frame.h"
#include "dist/weights/source/load_work.h"
#include "dist/weights/source/planned_files.h"
#include "dist/weights/source/schedule.h"
#include "dist/weights/tensors/tensor_memory.h"
#include "registry/digest.h"

namespace ditmill::jobs::bench {
namespace {

constexpr int rounds = 3;
constexpr std::uint64_t most_probed = std::uint64_t{1} << 30;  // of the files, by all ranks of a machine
constexpr std::uint64_t least_probed = std::uint64_t{16} << 20;
constexpr std::size_t buffer_bytes = std::size_t{64} << 20;
constexpr double giga = 1e9;

/// Bytes a second of `bytes` that the ranks of `together` do, in the best round. What any of them throws, all
/// of the job's throw. Collective.
double best_rate(const dist::Nodes& nodes, const dist::Communicator& together, std::uint64_t bytes,
                 const std::function<void()>& work) {
  std::optional<Error> failure;
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    together.barrier(dist::Purpose::agreement);
    const auto start = std::chrono::steady_clock::now();
    if (!failure) failure = dist::failure_of(work);
    const auto took =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start);
    const std::int64_t slowest =
        std::max<std::int64_t>(together.max(took.count(), dist::Purpose::agreement), 1);
    best = std::max(best, static_cast<double>(bytes) * 1e9 / static_cast<double>(slowest));
  }
  dist::agree_on(nodes.world(), failure);
  return best;
}

/// Of the ranks of a machine.
double best_rate(const dist::Nodes& nodes, std::uint64_t bytes, const std::function<void()>& work) {
  return best_rate(nodes, nodes.local(), bytes, work);
}

/// Chunks that are probed, and of them those of one rank.
class ProbedChunks {
 public:
  ProbedChunks(const dist::Communicator& local, const dist::ComponentPlan& plan, std::uint64_t most)
      : chunks_(dist::schedule(plan)) {
    while (chunks_.size() > std::max<std::uint64_t>(most / registry::leaf_bytes, 1)) chunks_.pop_back();
    for (const dist::Chunk& chunk : chunks_) bytes_ += chunk.length;
    const auto rank = static_cast<std::size_t>(local.rank());
    const auto ranks = static_cast<std::size_t>(local.size());
    first_ = chunks_.size() * rank / ranks;
    past_ = chunks_.size() * (rank + 1) / ranks;
  }

  std::uint64_t bytes() const noexcept { return bytes_; }
  const std::vector<dist::Chunk>& all() const noexcept { return chunks_; }
  void for_mine(const std::function<void(const dist::Chunk&)>& work) const {
    for (std::size_t i = first_; i < past_; ++i) work(chunks_[i]);
  }

 private:
  std::vector<dist::Chunk> chunks_;
  std::uint64_t bytes_ = 0;
  std::size_t first_ = 0;
  std::size_t past_ = 0;
};

void touch(std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += dist::page_bytes) bytes[i] = std::byte{1};
}

void read_mine(const ProbedChunks& chunks, const dist::Sources& sources) {
  dist::Frame frame;
  chunks.for_mine([&](const dist::Chunk& chunk) {
    sources[chunk.file]->read_at(chunk.offset, frame.payload(chunk.length));
  });
}

/// Past the page cache, by the first machine alone; there only.
double read_alone(const dist::Nodes& nodes, const ProbedChunks& chunks, const dist::Sources& direct) {
  return best_rate(nodes, chunks.bytes(), [&] {
    if (nodes.node() == 0) read_mine(chunks, direct);
  });
}

/// How much of the files storage gives to all machines in a second, at least a few chunks of them.
std::uint64_t bytes_of_a_second(const dist::Nodes& nodes, const dist::ComponentPlan& plan,
                                const dist::Sources& direct) {
  const double rate = read_alone(nodes, ProbedChunks{nodes.local(), plan, least_probed}, direct);
  const bool tells = nodes.node() == 0 && nodes.local().rank() == 0;
  const std::int64_t told =
      nodes.world().max(tells ? static_cast<std::int64_t>(rate) : 0, dist::Purpose::agreement);
  return std::clamp(static_cast<std::uint64_t>(told) / static_cast<std::uint64_t>(nodes.count()),
                    least_probed, most_probed);
}

double link_rate(const dist::Nodes& nodes) {
  if (nodes.count() < 2) return 0;
  // Rank 0 and the first rank of another machine.
  const dist::Communicator& world = nodes.world();
  const std::int64_t candidate = nodes.node() == 1 && nodes.local().rank() == 0 ? world.rank() : 0;
  const int other = static_cast<int>(world.max(candidate, dist::Purpose::agreement));
  std::vector<std::byte> bytes(buffer_bytes);
  return best_rate(nodes, bytes.size(), [&] {
    if (world.rank() == 0) {
      const dist::Outgoing out{.to = other, .data = bytes.data(), .bytes = bytes.size()};
      world.exchange({&out, 1}, {}, dist::Purpose::weights).wait();
    } else if (world.rank() == other) {
      const dist::Incoming in{.from = 0, .data = bytes.data(), .bytes = bytes.size()};
      world.exchange({}, {&in, 1}, dist::Purpose::weights).wait();
    }
  });
}

}  // namespace

nlohmann::json to_json(const LoadLimits& limits) {
  return {{"memcpy_gbps", limits.memcpy / giga},
          {"touch_gbps", limits.touch / giga},
          {"touch_shared_gbps", limits.touch_shared / giga},
          {"map_gbps", limits.map / giga},
          {"look_gbps", limits.look / giga},
          {"read_hot_gbps", limits.read_hot / giga},
          {"read_cold_gbps", limits.read_cold / giga},
          {"read_together_gbps", limits.read_together / giga},
          {"link_gbps", limits.link / giga},
          {"hash_gbps", limits.hash / giga}};
}

void look_at(std::span<const std::byte> bytes, std::size_t first) noexcept {
  static std::atomic<std::uint8_t> sink = 0;
  std::uint8_t sum = 0;
  for (std::size_t i = first; i < bytes.size(); i += dist::page_bytes)
    sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(bytes[i]));
  sink = sum;
}

void drop_from_cache(const dist::ComponentPlan& plan) {
  for (const registry::WeightFile& file : plan.files) {
    const registry::UniqueFd fd{::open(file.path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) throw system_error(errno, "drop a file from the page cache", Where{.file = file.path});
    ::fdatasync(fd.get());  // pages that wait to be written stay
    const int error = ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (error != 0) throw system_error(error, "drop a file from the page cache", Where{.file = file.path});
    const double left = dist::FileMap::open(file.path)->cached();
    if (left > 0.05) {
      throw Error{Category::io,
                  "drop a file from the page cache",
                  Where{.file = file.path},
                  Expected{"none of it there"},
                  Got{std::to_string(static_cast<int>(left * 100)) + " % of it"},
                  "another process has it mapped, or its file system keeps it (tmpfs)"};
    }
  }
}

LoadLimits probe_limits(const dist::Nodes& nodes, const dist::ComponentPlan& plan, bool cold) {
  const dist::Communicator& local = nodes.local();
  const auto ranks = static_cast<std::uint64_t>(local.size());
  LoadLimits limits;
  dist::Sources direct;
  dist::Sources sources;
  std::vector<std::shared_ptr<const dist::FileMap>> maps;
  dist::agree(nodes.world(), [&] {
    direct = dist::open_files(plan, dist::open_direct);
    sources = dist::open_files(plan, registry::open_file);
    for (const registry::WeightFile& file : plan.files) maps.push_back(dist::FileMap::open(file.path));
  });
  const ProbedChunks chunks{local, plan, cold ? bytes_of_a_second(nodes, plan, direct) : most_probed};
  if (cold) {
    const auto machines = static_cast<std::uint64_t>(nodes.count());
    limits.read_cold = read_alone(nodes, chunks, direct);
    limits.read_together =
        best_rate(nodes, nodes.world(), machines * chunks.bytes(), [&] { read_mine(chunks, direct); });
  }
  limits.read_hot = best_rate(nodes, chunks.bytes(), [&] { read_mine(chunks, sources); });
  // Pages are had so fast that all of them are probed; a part would come from caches.
  const ProbedChunks mapped{local, plan, cold ? chunks.bytes() : plan.file_bytes()};
  limits.map = best_rate(nodes, mapped.bytes(), [&] {
    for (auto& map : maps)
      map = dist::FileMap::open(plan.files[static_cast<std::size_t>(&map - maps.data())].path);
    for (const dist::Chunk& chunk : mapped.all()) maps[chunk.file]->populate(chunk.offset, chunk.length);
  });
  std::size_t line = 0;
  limits.look = best_rate(nodes, ranks * mapped.bytes(), [&] {
    line += 256;  // one that no cache holds
    for (const dist::Chunk& chunk : mapped.all())
      look_at(maps[chunk.file]->bytes().subspan(chunk.offset, chunk.length), line);
  });
  limits.hash = best_rate(nodes, chunks.bytes(), [&] {
    chunks.for_mine([&](const dist::Chunk& chunk) {
      static std::atomic<std::uint8_t> sink = 0;
      sink = registry::leaf_digest(maps[chunk.file]->bytes().subspan(chunk.offset, chunk.length))[0];
    });
  });

  const auto from = dist::TensorMemory::own(buffer_bytes);
  const auto to = dist::TensorMemory::own(buffer_bytes);
  touch(from->bytes());
  touch(to->bytes());
  limits.memcpy = best_rate(nodes, ranks * buffer_bytes,
                            [&] { std::memcpy(to->bytes().data(), from->bytes().data(), buffer_bytes); });
  // More than caches hold: pages that were cleared there a moment ago are faster.
  const std::size_t fresh =
      std::max<std::size_t>(std::min(most_probed, chunks.bytes()) / ranks, buffer_bytes);
  limits.touch = best_rate(nodes, ranks * fresh, [&] { touch(dist::TensorMemory::own(fresh)->bytes()); });
  bool room = true;
  limits.touch_shared = best_rate(nodes, ranks * fresh, [&] {
    const auto failure =
        dist::failure_of([&] { look_at(dist::TensorMemory::shared(local, ranks * fresh)->bytes()); });
    room = room && !failure;
  });
  if (!room) limits.touch_shared = 0;
  limits.link = link_rate(nodes);
  return limits;
}

}  // namespace ditmill::jobs::bench
