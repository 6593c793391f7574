// What a look at a large run costs: bench_status ITEMS GROUPS FOLDER makes a run directory that crashed once
// and is nearly done; `ditmill status` is then measured from outside. Not a test.
#include <cstdio>
#include <string>
#include <vector>

#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_owner.h"
#include "tests/jobs/made_up_run.h"

namespace ditmill::jobs::watch {
namespace {

void make_run(std::size_t items, std::size_t groups, const std::string& path) {
  const MadeUpRun made{results::RunDirectory{path}};
  made.write_list(items);
  const double begin = results::journal_time() - 8000;
  for (int epoch = 1; epoch <= 2; ++epoch) {
    made.write_epoch(epoch, epoch == 2);
    const std::size_t first = epoch == 1 ? 0 : items / 2;
    const std::size_t last = epoch == 1 ? items / 2 + groups * 100 : items - items / 10;
    for (std::size_t group = 0; group < groups; ++group) {
      std::vector<results::Record> records;
      std::vector<results::Record> unsealed;
      double time = begin + 4000 * (epoch - 1);
      const double seconds = 3500 / (static_cast<double>(last - first) / static_cast<double>(groups));
      const auto seal = [&] {
        records.insert(records.end(), unsealed.begin(), unsealed.end());
        unsealed.clear();
        made.append(epoch, static_cast<int>(group), records);
        records.clear();
      };
      for (std::size_t item = first + group; item < last; item += groups) {
        records.push_back(made_up_record(results::Event::start, item, time));
        time += seconds;
        if (item % 1000 == 0) {
          records.push_back(
              made_up_record(results::Event::failed, item, time, "numeric: the latents are not finite"));
        } else {
          unsealed.push_back(made_up_record(results::Event::done, item, time));
        }
        if (unsealed.size() == 256) seal();
      }
      seal();
    }
  }
}

}  // namespace
}  // namespace ditmill::jobs::watch

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_status ITEMS GROUPS FOLDER\n");
    return 1;
  }
  ditmill::jobs::watch::make_run(std::stoul(argv[1]), std::stoul(argv[2]), argv[3]);
  return 0;
}
