#include "slurm/settings.h"

#include <gmock/gmock.h>

namespace ditmill::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SettingsTest : public testing::Test {
 protected:
  Settings read(const std::string& text) {
    const configs::YamlNode node = configs::parse_yaml(text, "m.yaml", problems_);
    return read_settings({node, "slurm", "m.yaml", problems_});
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> texts;
    for (const Problem& problem : problems_) texts.push_back(describe(problem));
    return texts;
  }

  std::vector<Problem> problems_;
};

TEST_F(SettingsTest, HoldWhatTheManifestSays) {
  const Settings settings = read(
      "nodes: 2\nranks_per_node: 8\ngpus_per_node: 8\ncpus_per_rank: 12\ntime: 1-12:00:00\npartition: gpu\n"
      "account: lab\nqos: high\noptions: [--constraint=a100, \"-C x\"]\nmodules: [openmpi/4.1]\n"
      "prologue: |\n  export A=1\n  export B=2\nlauncher: srun\n"
      "container: {image: /i.sif, runtime: pyxis, mounts: [/data]}\nmax_crashes: 0\nmax_restarts: 7\n"
      "lead_seconds: 300\n");
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_EQ(settings.nodes, 2);
  EXPECT_EQ(settings.ranks_per_node, 8);
  EXPECT_EQ(settings.gpus_per_node, 8);
  EXPECT_EQ(settings.cpus_per_rank, 12);
  EXPECT_EQ(settings.time, "1-12:00:00");
  EXPECT_EQ(settings.partition, "gpu");
  EXPECT_EQ(settings.account, "lab");
  EXPECT_EQ(settings.qos, "high");
  EXPECT_THAT(settings.options, ElementsAre("--constraint=a100", "-C x"));
  EXPECT_THAT(settings.modules, ElementsAre("openmpi/4.1"));
  EXPECT_EQ(settings.prologue, "export A=1\nexport B=2\n");
  EXPECT_EQ(settings.launcher, Launcher::srun);
  ASSERT_TRUE(settings.container);
  EXPECT_EQ(settings.container->image, "/i.sif");
  EXPECT_EQ(settings.container->runtime, ContainerRuntime::pyxis);
  EXPECT_THAT(settings.container->mounts, ElementsAre("/data"));
  EXPECT_EQ(settings.max_crashes, 0);
  EXPECT_EQ(settings.max_restarts, 7);
  EXPECT_EQ(settings.lead_seconds, 300);
}

TEST_F(SettingsTest, AreDefaultsWhereNothingIsSaid) {
  const Settings settings = read("{}");
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_EQ(settings.nodes, 1);
  EXPECT_FALSE(settings.ranks_per_node);
  EXPECT_EQ(settings.max_restarts, 3);
}

TEST_F(SettingsTest, TakeAnImageAlone) {
  const Settings settings = read("container: /images/x.sif");
  ASSERT_TRUE(settings.container);
  EXPECT_EQ(settings.container->image, "/images/x.sif");
  EXPECT_EQ(settings.container->runtime, ContainerRuntime::apptainer);
}

TEST_F(SettingsTest, StageToAFolderAlone) {
  const Settings settings = read("stage: /local/scratch");
  ASSERT_TRUE(settings.stage);
  EXPECT_EQ(settings.stage->to, "/local/scratch");
  EXPECT_THAT(settings.stage->variables, IsEmpty());
  EXPECT_TRUE(settings.stage->program);
  EXPECT_TRUE(settings.stage->weights);
  EXPECT_FALSE(settings.stage->keep);
}

TEST_F(SettingsTest, StageWhereVariablesOfTheJobSay) {
  const Settings settings = read("stage: {to: \"$TMPDIR/a${B_1}c$d\", weights: false, keep: true}");
  EXPECT_THAT(messages(), IsEmpty());
  ASSERT_TRUE(settings.stage);
  EXPECT_EQ(settings.stage->to, "${TMPDIR}/a${B_1}c${d}");
  EXPECT_THAT(settings.stage->variables, ElementsAre("TMPDIR", "B_1", "d"));
  EXPECT_FALSE(settings.stage->weights);
  EXPECT_TRUE(settings.stage->keep);
}

TEST_F(SettingsTest, StageNoProgramBesideAnImage) {
  const Settings settings = read("stage: /local\ncontainer: /i.sif");
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_FALSE(settings.stage.value().program);
}

struct Bad {
  const char* text;
  const char* message;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.text; }

class BadSettings : public SettingsTest, public testing::WithParamInterface<Bad> {};

TEST_P(BadSettings, AreRefusedAtTheirPlace) {
  read(GetParam().text);
  EXPECT_THAT(messages(), ElementsAre(HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Sections, BadSettings,
    testing::Values(
        Bad{"nodes: 1\nmodule: [a]", "m.yaml:2:1: unknown key slurm.module; did you mean modules?"},
        Bad{"nodes: 0", "m.yaml:1:8: "}, Bad{"ranks_per_node: many", "m.yaml:1:17: "},
        Bad{"gpus_per_node: -1", "m.yaml:1:16: "}, Bad{"cpus_per_rank: 0", "m.yaml:1:16: "},
        Bad{"time: tomorrow", "m.yaml:1:7: slurm.time is no time limit"},
        Bad{"time: 0", "m.yaml:1:7: slurm.time is no time limit"},
        Bad{"partition: a b", "m.yaml:1:12: slurm.partition is not a name"},
        Bad{"account: \"--x\"", "m.yaml:1:10: slurm.account is not a name"},
        Bad{"qos: \"\"", "m.yaml:1:6: slurm.qos is not a name"},
        Bad{"options: [--a, b]", "m.yaml:1:16: slurm.options.1 is not valid"},
        Bad{"options: [\"--a\\nrm\"]", "m.yaml:1:11: slurm.options.0 is not valid"},
        Bad{"modules: [a, \"\"]", "m.yaml:1:14: slurm.modules.1 is not valid"},
        Bad{"modules: a", "m.yaml:1:10: "}, Bad{"prologue: [a]", "m.yaml:1:11: "},
        Bad{"launcher: srum", "did you mean srun?"},
        Bad{"container: {runtime: pyxis}", "slurm.container.image is missing"},
        Bad{"container: {image: x, runtime: docker}", "m.yaml:1:32: "},
        Bad{"container: {image: x, mounts: [data]}", "m.yaml:1:32: slurm.container.mounts.0 is not valid"},
        Bad{"container: {image: x, mount: [/d]}", "did you mean mounts?"},
        Bad{"container: \"\"", "m.yaml:1:12: slurm.container is no image"},
        Bad{"container: x\nlauncher: mpirun", "m.yaml:2:11: ranks in a container are launched by srun"},
        Bad{"stage: scratch", "m.yaml:1:8: slurm.stage is no folder"},
        Bad{"stage: {weights: true}", "slurm.stage.to is missing"},
        Bad{"stage: {to: \"/a`b`\"}", "m.yaml:1:13: slurm.stage.to is no folder"},
        Bad{"stage: {to: /a$(b)}", "slurm.stage.to is no folder"},
        Bad{"stage: {to: \"/a${b\"}", "slurm.stage.to is no folder"},
        Bad{"stage: {to: /a, keeps: true}", "did you mean keep?"},
        Bad{"container: x\nstage: {to: /a, program: true}",
            "m.yaml:2:26: the container's image has the program, and it is not staged"},
        Bad{"lead_seconds: 5", "m.yaml:1:15: "}, Bad{"max_restarts: -1", "m.yaml:1:15: "}));

}  // namespace
}  // namespace ditmill::slurm
