#include "jobs/plan/pilot/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/dump.h"
#include "configs/error.h"
#include "jobs/plan/pilot/pilot_file.h"
#include "jobs/plan/pilot/pilot_results.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/epoch.h"
#include "slurm/allocation.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

/// A start of two groups: small items by group 0, large ones by group 1.
struct MeasureTest : ::testing::Test {
  MeasureTest() {
    run.create();
    provenance.layer1 = {{"noop", 0.5}, {"models", nlohmann::json::array()}};
    provenance.layer2 = configs::dump_layer2({});
    provenance.threads = 3;
    for (int i = 0; i < 6; ++i) items.push_back(i < 4 ? make_item(i) : make_item(i, 64, 32, 5));
    write_requests(run, items);
    results::durable::write_file(run.config(), R"({"device":"cpu","device_name":"A CPU"})");
  }

  void make(int epoch) {
    results::GroupStore small(run, epoch, 0, {}, provenance);
    results::GroupStore large(run, epoch, 1, {}, provenance);
    for (int i = 0; i < 6; ++i) {
      results::GroupStore& store = i < 4 ? small : large;
      store.start(items[static_cast<std::size_t>(i)], 1);
      results::FinishedItem finished = make_finished(items[static_cast<std::size_t>(i)]);
      finished.seconds_denoise = i < 4 ? 0.1 * i : 7;
      store.add(finished);
    }
    small.seal(true);
    large.seal(true);
  }

  TempFolder folder;
  results::RunDirectory run{folder.path() + "/run"};
  results::StoreProvenance provenance = make_provenance();
  std::vector<requests::Item> items;
};

TEST_F(MeasureTest, TakesSecondsBySizeAndStage) {
  const run::Epoch epoch(run, {});
  make(epoch.number());
  const Pilot pilot = measure(run, {.ranks_per_machine = 2});
  ASSERT_THAT(pilot.classes, SizeIs(2));
  const SizeClass& small = pilot.classes[0];
  EXPECT_EQ(small.items, 4U);
  EXPECT_NEAR(small.denoise.median, 0.15, 1e-9);
  EXPECT_NEAR(small.denoise.p10, 0.03, 1e-9);
  EXPECT_NEAR(small.denoise.p90, 0.27, 1e-9);
  EXPECT_DOUBLE_EQ(small.text.median, 0.25);
  EXPECT_NEAR(small.seconds.median, 0.25 + 0.15 + 0.125, 1e-9);
  EXPECT_DOUBLE_EQ(pilot.classes[1].denoise.p90, 7);
  EXPECT_THAT(pilot.items, SizeIs(6));
  EXPECT_GE(pilot.startup_seconds, 0);
  EXPECT_LT(pilot.startup_seconds, 300);
  std::uint64_t stored = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run.parts())) {
    if (entry.is_regular_file()) stored += entry.file_size();
  }
  EXPECT_NEAR(4 * small.bytes + 2 * pilot.classes[1].bytes, static_cast<double>(stored), 1);
}

TEST_F(MeasureTest, TellsTheLayout) {
  const run::Epoch epoch(run, {});
  configs::PipelineConfig guided;
  guided.parallel.cfg = 2;
  provenance.layer2 = configs::dump_layer2(guided);
  make(epoch.number());
  const Pilot pilot = measure(run, {.ranks_per_machine = 4});
  EXPECT_EQ(pilot.layout.groups(), 2);
  EXPECT_EQ(pilot.layout.ranks, 4);
  EXPECT_EQ(pilot.layout.ranks_per_machine, 4);
  EXPECT_EQ(pilot.layout.threads, 3);
  EXPECT_EQ(pilot.layout.device_name, "A CPU");
  EXPECT_EQ(pilot.model, "noop 0.5");
}

TEST_F(MeasureTest, TakesTheNewestStartThatFinishedItems) {
  {
    const run::Epoch first(run, {});
    make(first.number());
  }
  const run::Epoch second(run, {});
  results::GroupStore idle(run, second.number(), 0, {}, provenance);
  EXPECT_EQ(measure(run).epoch, 1);
  EXPECT_THROW(measure(run, {.epoch = 2}), Error);
}

TEST_F(MeasureTest, FileKeepsAll) {
  const run::Epoch epoch(run, {});
  make(epoch.number());
  EXPECT_FALSE(read_pilot_file(run).has_value());
  const Pilot pilot = measure(run, {.ranks_per_machine = 2, .text_stage_seconds = 4, .texts = 9});
  write_pilot_file(run, pilot);
  const auto read = read_pilot_file(run);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(to_json(*read), to_json(pilot));
  results::durable::write_file(run.pilot(), R"({"epoch": 1})");
  EXPECT_THROW(read_pilot_file(run), Error);
}

TEST_F(MeasureTest, PilotWritesItsFilesAndSaysWhatTheListTakes) {
  const run::Epoch epoch(run, {});
  make(epoch.number());
  PreparedJob job;
  requests::ItemList list;
  for (int i = 0; i < 30; ++i) {
    requests::Item item = i < 20 ? make_item(i) : make_item(i, 128, 64, 9);
    item.key.clear();
    list.add(item);
  }
  const std::string text = write_pilot(run, {.ranks_per_machine = 2}, job, list);
  EXPECT_THAT(text, HasSubstr("pilot: 6 items on 2 ranks: dp only, 2 groups, 3 threads a rank, A CPU"));
  EXPECT_THAT(text, HasSubstr("16x16x1"));
  EXPECT_THAT(text, HasSubstr("the whole list, with this layout: 30 items in "));
  EXPECT_THAT(text, HasSubstr("128x64x9: 10 items were not piloted"));
  EXPECT_GT(std::filesystem::file_size(run.path() + "/pilot.png"), 1000U);
  EXPECT_TRUE(read_pilot_file(run).has_value());
  EXPECT_THAT(write_pilot(run, {.epoch = epoch.number() + 1}, job, list),
              HasSubstr("as it was measured before"));
}

}  // namespace
}  // namespace ditmill::jobs::plan
