// Makes a small run directory for h5py to read: sample_run FOLDER GZIP. Seven items in parts of two; item0
// has latents; item5 failed and item6 is left.
#include <cstdio>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/results/store/group_store.h"
#include "jobs/results/store/index.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

void make_run(const std::string& path, int gzip, int left) {
  const RunDirectory run(path);
  run.create();
  std::vector<requests::Item> items;
  for (int i = 0; i < 6 + left; ++i) items.push_back(make_item(i, 20, 12, 3));
  write_requests(run, items);
  OutputConfig output;
  output.gzip = gzip;
  output.items_per_part = 2;
  GroupStore store(run, 1, 0, output, make_provenance());
  for (std::size_t i = 0; i < 6; ++i) {
    store.start(items[i], 1);
    if (i == 5) {
      store.failed(items[i], 1, Error{Category::numeric, "the latents are not finite"});
    } else {
      store.add(make_finished(items[i], i == 0));
    }
  }
  store.seal(true);
  write_index(run, read_journals(run), {{"version", "9.8.7"}, {"pipeline_type", "test"}});
}

}  // namespace
}  // namespace ditmill::jobs::results

int main(int argc, char** argv) {
  if (argc != 4) return 1;
  try {
    ditmill::jobs::results::make_run(argv[1], std::stoi(argv[2]), std::stoi(argv[3]));
    return 0;
  } catch (const ditmill::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
