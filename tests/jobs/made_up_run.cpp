#include "tests/jobs/made_up_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <utility>

#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_owner.h"

namespace ditmill::jobs {

std::string made_up_key(std::size_t item) { return fmt::format("{:064x}", item * 0x9e3779b97f4a7c15U); }

results::Record made_up_record(results::Event event, std::size_t item, double time, std::string reason) {
  results::Record record;
  record.time = time;
  record.event = event;
  record.item = "item" + std::to_string(item);
  record.key = made_up_key(item);
  record.reason = std::move(reason);
  if (event == results::Event::done) {
    record.part = "parts/e0001-g000/000001.h5";
    record.part_bytes = 1000;
    record.content = "00112233445566778899aabbccddeeff";
    record.part_hash = "ffeeddccbbaa99887766554433221100";
  }
  return record;
}

MadeUpRun::MadeUpRun() : folder_(std::in_place), run_(*folder_ / "run") { run_.create(); }

MadeUpRun::MadeUpRun(results::RunDirectory directory) : run_(std::move(directory)) { run_.create(); }

void MadeUpRun::write_list(std::size_t items) const {
  std::ofstream file(run_.requests());
  for (std::size_t i = 0; i < items; ++i) {
    file << fmt::format(
        R"({{"id":"item{0}","key":"{1}","request":{{"fps":16.0,"frames":81,"height":480,"id":"item{0}",)"
        R"("negative_prompt":"blurry","prompt":"a cat, number {0}, asleep in the sun","seed":{0},"width":832}},"metadata":{{}}}})"
        "\n",
        i, made_up_key(i));
  }
}

void MadeUpRun::write_epoch(int epoch, bool alive) const {
  results::EpochOwner owner = results::this_process({});
  if (!alive) owner.pid_start += 1;
  owner.slurm_job = "991";
  std::ofstream(run_.epoch(epoch)) << to_text(owner);
}

void MadeUpRun::release_epoch(int epoch) const {
  const timespec released[2] = {};
  ::utimensat(AT_FDCWD, run_.epoch(epoch).c_str(), released, 0);
}

void MadeUpRun::write_outcome(const std::string& json) const {
  results::durable::write_file(run_.outcome(), json);  // by a rename: somebody may be watching
}

void MadeUpRun::append(int epoch, int group, const std::vector<results::Record>& records) const {
  std::string text;
  for (const results::Record& record : records) text += results::to_line(record);
  append_text(epoch, group, text);
}

void MadeUpRun::append_text(int epoch, int group, const std::string& text) const {
  std::ofstream(run_.journal(epoch, group), std::ios::app | std::ios::binary) << text;
}

}  // namespace ditmill::jobs
