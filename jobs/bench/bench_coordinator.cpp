#include "jobs/bench/bench_coordinator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "dist/comm/agree.h"
#include "jobs/bench/bench_clock.h"
#include "jobs/engine/run.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/output.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/store/group_store.h"
#include "jobs/run/outcome.h"

namespace ditmill::jobs::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t settled_after = 10'000;  ///< items, from which on memory is to be flat
constexpr int store_rounds = 5;
constexpr int store_items = 24;  ///< a round: the first two build in memory that is new
constexpr auto between_samples = std::chrono::milliseconds{100};

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

/// What this process holds, every 100 ms from construction to stop().
class MemoryRecord {
 public:
  struct Sample {
    double time = 0;  ///< as the journal counts it
    std::uint64_t bytes = 0;
  };

  std::vector<Sample> stop() {
    thread_.request_stop();
    thread_.join();
    return std::move(samples_);
  }

 private:
  std::vector<Sample> samples_;
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      samples_.push_back({results::journal_time(), plan::process_memory().resident});
      std::this_thread::sleep_for(between_samples);
    }
  }};
};

/// The times between which memory is looked at: from the 10,000th item (or a tenth of fewer) to the last.
std::pair<double, double> settled_times(const results::RunDirectory& run, std::size_t items) {
  std::vector<double> done;
  std::vector<results::JournalReport> ignored;
  for (const results::JournalFile& file : results::journal_files(run)) {
    results::for_each_record(file.path, ignored, [&done](const results::Record& record) {
      if (record.event == results::Event::done) done.push_back(record.time);
    });
  }
  std::sort(done.begin(), done.end());
  return {done.at(std::min(settled_after, items / 10)), done.back()};
}

struct Handing {
  double seconds = 0;
  std::uint64_t memory_settled = 0;  ///< at the 10,000th item
  std::uint64_t memory_least = 0;    ///< from then to the last
  std::uint64_t memory_most = 0;
  std::uint64_t memory_peak = 0;  ///< of the whole run, the index at its end included
};

void write_job(const fs::path& folder, std::size_t items) {
  fs::create_directories(folder);
  results::durable::write_file((folder / "job.yaml").string(),
                               "schema: 1\nname: bench\nmodel: {noop: 0}\nrequests:\n"
                               "  defaults: {width: 16, height: 16, frames: 1}\n  file: prompts.txt\n"
                               "output: {path: run}\n");
  std::string prompts;
  for (std::size_t i = 0; i < items; ++i) prompts += fmt::format("prompt {}\n", i);
  results::durable::write_file((folder / "prompts.txt").string(), prompts);
}

std::optional<Handing> hand_out(const dist::MpiSession& mpi, const fs::path& folder, std::size_t items) {
  const bool leads = mpi.world().rank() == 0;
  plan::RunOptions run;
  run.manifest = (folder / "job.yaml").string();
  run.device = "cpu";
  run.log_level = "warn";
  std::optional<MemoryRecord> memory;
  if (leads) memory.emplace();
  const Clock::time_point began = Clock::now();
  const int code = engine::run_job(mpi, run);
  if (!leads) return std::nullopt;
  Handing handing{.seconds = seconds_since(began)};
  const std::vector<MemoryRecord::Sample> samples = memory->stop();
  if (code != 0)
    throw Error{Category::internal, "run the no-op job", {}, Expected{"exit 0"}, Got{std::to_string(code)}};
  const auto [from, to] = settled_times(results::RunDirectory{(folder / "run").string()}, items);
  for (const MemoryRecord::Sample& sample : samples) {
    handing.memory_peak = std::max(handing.memory_peak, sample.bytes);
    if (sample.time < from || sample.time > to) continue;
    if (handing.memory_settled == 0) handing.memory_settled = handing.memory_least = sample.bytes;
    handing.memory_least = std::min(handing.memory_least, sample.bytes);
    handing.memory_most = std::max(handing.memory_most, sample.bytes);
  }
  return handing;
}

/// Megabytes of frames a second that a store of 16 MiB items makes durable, and plain files with as many
/// syncs.
struct Storing {
  std::vector<double> store;
  std::vector<double> raw;
  std::vector<double> ratio;
};

class StoreBench {
 public:
  explicit StoreBench(const fs::path& folder) : folder_(folder) {
    item_.request.width = 1184;
    item_.request.height = 1184;
    item_.request.frames = 4;
    item_.request.prompt = "nothing";
    frames_.resize(std::size_t{3} * 1184 * 1184 * 4);
    std::uint32_t state = 1;
    for (std::uint8_t& byte : frames_)
      byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  }

  Storing measure() {
    Storing storing;
    for (int round = 0; round < store_rounds; ++round) {
      const fs::path folder = folder_ / fmt::format("round{}", round);
      const double megabytes = static_cast<double>(frames_.size()) * store_items / 1e6;
      // In turns, because both wait for the same disk.
      double stored = 0;
      double raw = 0;
      for (int half = 0; half < 2; ++half) {
        if ((half == 0) == (round % 2 == 0)) {
          stored = store(folder / "run");
        } else {
          raw = write_plainly(folder / "raw");
        }
      }
      storing.store.push_back(megabytes / stored);
      storing.raw.push_back(megabytes / raw);
      storing.ratio.push_back(raw / stored);
      fs::remove_all(folder);
    }
    return storing;
  }

 private:
  double store(const fs::path& folder) {
    const results::RunDirectory run{folder.string()};
    run.create();
    results::OutputConfig output;
    output.items_per_part = 1;
    results::FinishedItem finished{.item = &item_, .frames = frames_};
    const Clock::time_point began = Clock::now();
    results::GroupStore group(run, 1, 0, output, {}, {.behind = true});
    for (int i = 0; i < store_items; ++i) {
      item_.request.id = fmt::format("item{}", i);
      item_.key = item_.request.id;
      group.start(item_, 1);
      group.add(finished);
    }
    group.seal(true);
    return seconds_since(began);
  }

  double write_plainly(const fs::path& folder) const {
    fs::create_directories(folder);
    const Clock::time_point began = Clock::now();
    for (int i = 0; i < store_items; ++i) {
      const auto file = results::durable::File::open((folder / fmt::format("{}", i)).string(),
                                                     O_WRONLY | O_CREAT | O_TRUNC);
      file.write({reinterpret_cast<const char*>(frames_.data()), frames_.size()});
      file.sync();
    }
    return seconds_since(began);
  }

  fs::path folder_;
  requests::Item item_;
  std::vector<std::uint8_t> frames_;
};

nlohmann::json to_json(const Handing& handing, const Storing& storing, std::size_t items, int ranks) {
  const double settled = static_cast<double>(handing.memory_settled);
  return {{"items", items},
          {"ranks", ranks},
          {"seconds", handing.seconds},
          {"ms_an_item", handing.seconds * 1e3 / static_cast<double>(items)},
          {"memory",
           {{"settled_bytes", handing.memory_settled},
            {"least", static_cast<double>(handing.memory_least) / settled},
            {"most", static_cast<double>(handing.memory_most) / settled},
            {"peak_bytes", handing.memory_peak}}},
          {"store",
           {{"item_bytes", std::size_t{3} * 1184 * 1184 * 4},
            {"mb_s", to_json(spread_of(storing.store))},
            {"raw_mb_s", to_json(spread_of(storing.raw))},
            {"share_of_raw", to_json(spread_of(storing.ratio))}}}};
}

std::string to_text(const nlohmann::json& json) {
  const nlohmann::json& memory = json.at("memory");
  const nlohmann::json& store = json.at("store");
  return fmt::format(
      "{} items of 16x16x1 on {} ranks: {:.1f} s, {:.3f} ms an item\n"
      "memory of rank 0 from item 10,000 on: {:.0f} MB, {:.3f} to {:.3f} of that; {:.0f} MB at most in the "
      "whole run\n"
      "store, 16 MiB items: {:.0f} MB/s; write and fsync of the same bytes {:.0f} MB/s; {:.2f} of it ({:.2f} "
      "to {:.2f})\n",
      json.at("items").get<std::size_t>(), json.at("ranks").get<int>(), json.at("seconds").get<double>(),
      json.at("ms_an_item").get<double>(), memory.at("settled_bytes").get<double>() / 1e6,
      memory.at("least").get<double>(), memory.at("most").get<double>(),
      memory.at("peak_bytes").get<double>() / 1e6, store.at("mb_s").at("median").get<double>(),
      store.at("raw_mb_s").at("median").get<double>(), store.at("share_of_raw").at("median").get<double>(),
      store.at("share_of_raw").at("min").get<double>(), store.at("share_of_raw").at("max").get<double>());
}

}  // namespace

int bench_coordinator(const dist::MpiSession& mpi, const BenchCoordinatorOptions& options) {
  const dist::Communicator world = mpi.world();
  const auto items = static_cast<std::size_t>(options.items);
  std::string folder;
  dist::agree(world, [&] {
    if (world.rank() != 0) return;
    const fs::path parent = options.folder.empty() ? fs::temp_directory_path() : fs::absolute(options.folder);
    folder = (parent / fmt::format("ditmill-bench-{}", ::getpid())).string();
    write_job(folder, items);
  });
  folder = world.broadcast_text(folder, 0, dist::Purpose::plan);
  const std::optional<Handing> handing = hand_out(mpi, folder, items);
  if (!handing) return 0;
  const nlohmann::json report =
      to_json(*handing, StoreBench{fs::path{folder} / "store"}.measure(), items, world.size());
  fs::remove_all(folder);
  return results::write_results(options.out, [&](std::ostream& out) {
    out << (options.json ? report.dump(2) + "\n" : to_text(report));
    return 0;
  });
}

}  // namespace ditmill::jobs::bench
