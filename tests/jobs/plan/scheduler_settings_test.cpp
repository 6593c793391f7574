#include "jobs/plan/bind/scheduler_settings.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::plan {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json unipc(const json& more = json::object()) {
  json config{{"_class_name", "UniPCMultistepScheduler"},
              {"prediction_type", "flow_prediction"},
              {"use_flow_sigmas", true},
              {"flow_shift", 5.0}};
  config.update(more);
  return config;
}

struct Taken {
  configs::Preset preset = configs::preset_named("wan2.1-t2v-14b");
  configs::PipelineConfig pipeline = preset.pipeline;

  std::vector<std::string> differences(const json& config) const {
    return scheduler_differences(config, pipeline, &preset);
  }
};

TEST(SchedulerSettings, SayNothingWhereTheyAreThePresets) {
  EXPECT_THAT(Taken{}.differences(unipc()), IsEmpty());
}

TEST(SchedulerSettings, TellAnotherShiftWithWhoseIsTaken) {
  EXPECT_THAT(
      Taken{}.differences(unipc({{"flow_shift", 3}})),
      ElementsAre(
          "the job takes flow_shift 5.0 of its preset wan2.1-t2v-14b; this folder says flow_shift 3"));
  json without = unipc();
  without.erase("flow_shift");
  EXPECT_THAT(Taken{}.differences(without), ElementsAre(HasSubstr("this folder says flow_shift 1.0")));
}

TEST(SchedulerSettings, DoNotTellWhatTheJobHasChosen) {
  Taken taken;
  taken.pipeline.flow_shift = 8;
  taken.pipeline.solver = configs::Solver::euler;
  EXPECT_THAT(taken.differences(unipc()), IsEmpty());
}

TEST(SchedulerSettings, TellAnotherSolver) {
  const json euler{{"_class_name", "FlowMatchEulerDiscreteScheduler"}, {"shift", 5.0}};
  EXPECT_THAT(
      Taken{}.differences(euler),
      ElementsAre("the job takes solver unipc (UniPCMultistepScheduler) of its preset wan2.1-t2v-14b; "
                  "this folder says \"FlowMatchEulerDiscreteScheduler\""));
  EXPECT_THAT(Taken{}.differences({{"_class_name", "DDIMScheduler"}}),
              ElementsAre(HasSubstr("DDIMScheduler")));
  EXPECT_THAT(Taken{}.differences(json::object()), ElementsAre("it does not say its _class_name"));
}

TEST(SchedulerSettings, TellEachSettingThatDitmillHasOneValueOf) {
  EXPECT_THAT(Taken{}.differences(unipc({{"solver_order", 3}, {"prediction_type", "epsilon"}})),
              testing::UnorderedElementsAre(
                  "the job takes solver_order 2; this folder says 3",
                  "the job takes prediction_type \"flow_prediction\"; this folder says \"epsilon\""));
  json without = unipc();
  without.erase("use_flow_sigmas");
  EXPECT_THAT(Taken{}.differences(without),
              ElementsAre("the job takes use_flow_sigmas true; this folder says false"));
}

TEST(SchedulerSettings, OfAFolderAreNeverAReasonToFail) {
  const tests::TempFolder folder;
  configs::PipelineConfig pipeline = Taken{}.pipeline;
  EXPECT_THAT(scheduler_warnings(folder.path(), pipeline), IsEmpty());
  std::filesystem::create_directories(folder / "scheduler");
  for (const char* text : {"[", "[]", "\xff"}) {
    folder.write("scheduler/scheduler_config.json", text);
    EXPECT_THAT(scheduler_warnings(folder.path(), pipeline), ElementsAre(HasSubstr("scheduler_config.json")));
  }
  folder.write("scheduler/scheduler_config.json", unipc().dump());
  pipeline.preset = "no such preset";
  EXPECT_THAT(scheduler_warnings(folder.path(), pipeline), ElementsAre(HasSubstr("not set beside the job")));
}

}  // namespace
}  // namespace ditmill::jobs::plan
