// What storing costs: items and bytes a second through GroupStore, against writing the same bytes into plain
// files with the same number of fsyncs. bench_store [FOLDER]; not a test.
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/store/group_store.h"
#include "jobs/results/store/index.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

double seconds_of(const auto& action) {
  const auto before = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

struct Case {
  const char* name;
  int items;
  int width, height, frames;
  std::optional<int> items_per_part;
  int gzip;
};

void measure(const std::string& folder, const Case& c) {
  const RunDirectory run(folder + "/run");
  run.create();
  OutputConfig output;
  output.items_per_part = c.items_per_part;
  output.gzip = c.gzip;
  requests::Item item = make_item(0, c.width, c.height, c.frames);
  FinishedItem finished = make_finished(item);
  const std::size_t bytes = finished.frames.size();
  const double stored = seconds_of([&] {
    GroupStore store(run, 1, 0, output, make_provenance());
    for (int i = 0; i < c.items; ++i) {
      item.request.id = "item" + std::to_string(i);
      item.key = "key-of-" + item.request.id;
      store.start(item, 1);
      store.add(finished);
    }
    store.seal(true);
  });
  std::uintmax_t on_disk = 0;
  std::vector<std::uintmax_t> parts;
  for (const std::string& part : files_below(run.parts())) {
    parts.push_back(std::filesystem::file_size(run.parts() + "/" + part));
    on_disk += parts.back();
  }
  const std::string raw_folder = folder + "/raw";
  std::filesystem::create_directories(raw_folder);
  const double raw = seconds_of([&] {
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const auto file = durable::File::open(raw_folder + "/" + std::to_string(part), O_WRONLY | O_CREAT);
      for (std::uintmax_t left = parts[part]; left > 0;) {
        const std::uintmax_t count = std::min<std::uintmax_t>(left, bytes);
        file.write({reinterpret_cast<const char*>(finished.frames.data()), static_cast<std::size_t>(count)});
        left -= count;
      }
      file.sync();
    }
  });
  const double megabytes = static_cast<double>(bytes) * c.items / 1e6;
  std::printf(
      "%-34s %7d items in %4zu parts: %8.0f items/s %7.0f MB/s (%5.0f bytes/item besides frames); raw "
      "write+fsync %7.0f MB/s; %.2f of it\n",
      c.name, c.items, parts.size(), c.items / stored, megabytes / stored,
      static_cast<double>(on_disk) / c.items - static_cast<double>(bytes), megabytes / raw, raw / stored);
  std::filesystem::remove_all(run.path());
  std::filesystem::remove_all(raw_folder);
}

/// The index of a million items: half done, half left.
void measure_index(const std::string& folder, int count) {
  const RunDirectory run(folder + "/run");
  run.create();
  std::string requests;
  JournalState state;
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(1'000'000 + i);
    requests += R"({"id":")" + id + R"(","key":"k)" + id +
                R"(","request":{"width":16,"height":16,"frames":1}})" + "\n";
    if (i % 2 == 0) continue;
    state.by_key.take(
        1,
        {.event = Event::done, .item = id, .key = "k" + id, .part = RunDirectory::part(1, 0, i / 256 + 1)});
  }
  durable::write_file(run.requests(), requests);
  const double seconds = seconds_of([&] { write_index(run, state, {{"version", "1"}}); });
  std::printf("index of %d items (half of them done): %.1f s, %.0f MB\n", count, seconds,
              static_cast<double>(std::filesystem::file_size(run.index())) / 1e6);
}

}  // namespace
}  // namespace ditmill::jobs::results

int main(int argc, char** argv) {
  using namespace ditmill::jobs;
  using namespace ditmill::jobs::results;
  try {
    const TempFolder temporary;
    const std::string folder = argc > 1 ? argv[1] : temporary.path();
    measure(folder, {"16x16x1, auto", 20'000, 16, 16, 1, std::nullopt, 0});
    measure(folder, {"16x16x1, a part each", 300, 16, 16, 1, 1, 0});
    measure(folder, {"16 MiB, a part each", 40, 832, 480, 14, 1, 0});
    measure(folder, {"16 MiB, auto", 60, 832, 480, 14, std::nullopt, 0});
    measure(folder, {"16 MiB random bytes, gzip-1", 10, 832, 480, 14, 1, 1});
    measure_index(folder, 1'000'000);
    return 0;
  } catch (const ditmill::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
