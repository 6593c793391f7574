#include "tests/jobs/engine/rehearsal.h"

#include <c10/core/Device.h>

#include "jobs/results/files/durable.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::engine {

void Rehearsal::write_list(int items) const {
  std::vector<std::string> lines;
  for (int i = 0; i < items; ++i) {
    const std::string number = std::to_string(i);
    lines.push_back(R"({"id": "item)" + number + R"(", "prompt": "prompt )" + number + R"(", "seed": )" +
                    number + "}");
  }
  write_list(lines);
}

void Rehearsal::write_list(const std::vector<std::string>& lines) const {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  folder_.write("list.jsonl", text);
}

void Rehearsal::write_manifest(const std::string& pipeline) const {
  folder_.write("job.yaml", R"({"schema": 1, "name": "job", "model": {"noop": 0}, "pipeline": )" + pipeline +
                                R"(, "requests": {"defaults": {"width": 16, "height": 16, "frames": 1},
                                                  "file": "list.jsonl"},
                                     "output": {"path": "run", "items_per_part": 1000}})");
}

plan::RunOptions Rehearsal::options() const {
  plan::RunOptions options;
  options.manifest = folder_ / "job.yaml";
  return options;
}

Authority Rehearsal::authority(plan::RunOptions options, int world) const {
  return {std::move(options), LaunchFacts{.world = world, .threads = 1, .allocation = {}, .libraries = {}}};
}

void Rehearsal::finish_items(const Authority& authority, const std::vector<std::size_t>& items) const {
  const StorePlan plan = authority.store_plan();
  results::GroupStore store(run(), plan.epoch, 0, plan.output, plan.provenance);
  for (const std::size_t index : items) {
    const requests::Item item = authority.items()[index];
    store.start(item, 1);
    store.add(make_finished(item));
  }
  store.seal(true);
}

std::string Rehearsal::outcome_text() const {
  try {
    return results::durable::read_file(run().outcome());
  } catch (const Error&) {
    return {};
  }
}

}  // namespace ditmill::jobs::engine
