#include "slurm/batch_script.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "configs/error.h"
#include "configs/shell_word.h"

namespace ditmill::slurm {
namespace {

BatchJob job_named(const std::string& name) {
  return {.name = name,
          .settings = {},
          .ranks_per_node = 2,
          .run_directory = "/runs/" + name,
          .manifest = "/runs/" + name + "/submit/job.yaml",
          .log = "/logs/slurm-%j.log",
          .ditmill = "/opt/ditmill/ditmill",
          .engine = "/opt/ditmill/ditmill-engine",
          .mounts = {},
          .version = "1.0"};
}

BatchJob defaults() { return job_named("defaults"); }

BatchJob gpus() {
  BatchJob job = job_named("gpus");
  job.settings = {.nodes = 4,
                  .ranks_per_node = 2,
                  .gpus_per_node = 2,
                  .cpus_per_rank = 1,
                  .time = "00:20:00",
                  .partition = "short",
                  .account = "lab",
                  .qos = "",
                  .options = {"--exclusive", "--mail-type=FAIL"},
                  .modules = {"openmpi/4.1", "cuda/12.4"},
                  .prologue = "export NCCL_DEBUG=WARN\nulimit -l unlimited || true",
                  .launcher = Launcher::mpirun,
                  .container = {},
                  .stage = {},
                  .max_crashes = 5,
                  .max_restarts = 10,
                  .lead_seconds = 600};
  return job;
}

BatchJob by_srun() {
  BatchJob job = job_named("srun");
  job.settings.nodes = 2;
  job.settings.cpus_per_rank = 1;
  job.settings.time = "5";
  job.settings.launcher = Launcher::srun;
  job.run_directory = "/runs/it's 100%";
  job.sbatch_options = {"--mem=2G", "--comment", "a week's list"};
  return job;
}

BatchJob in_apptainer() {
  BatchJob job = job_named("apptainer");
  job.settings.gpus_per_node = 1;
  job.settings.container = Container{.image = "/images/ditmill.sif", .mounts = {"/data/lists:/lists"}};
  job.mounts = {"/models/wan"};
  job.ranks_per_node = 1;
  return job;
}

BatchJob in_pyxis() {
  BatchJob job = job_named("pyxis");
  job.settings.nodes = 2;
  job.settings.container =
      Container{.image = "registry/ditmill:1.0", .runtime = ContainerRuntime::pyxis, .mounts = {"/data"}};
  job.settings.max_restarts = 0;
  return job;
}

BatchJob array() {
  BatchJob job = job_named("array");
  job.settings.time = "12:00:00";
  job.settings.partition = "short";
  job.settings.options = {"--account=lab", "--mem=1G"};
  job.settings.modules = {"openmpi/4.1"};
  job.log = "/logs/slurm-%A_%a.log";
  job.options = {"--max-fails", "10"};
  job.first_options = {"--retry", "failed"};
  job.shards = 4;
  job.shards_at_once = 2;
  return job;
}

BatchJob staged() {
  BatchJob job = job_named("staged");
  job.settings.nodes = 2;
  job.settings.stage = Staging{.to = "${TMPDIR}/x", .variables = {"TMPDIR"}};
  return job;
}

BatchJob staged_weights() {
  BatchJob job = in_apptainer();
  job.name = "staged_weights";
  job.settings.stage = Staging{.to = "/local", .program = false, .keep = true};
  return job;
}

std::string golden_path(const std::string& name) { return DITMILL_SLURM_GOLDEN "/" + name + ".sh"; }

struct Example {
  const char* name;
  BatchJob (*job)();
  std::string (*script)(const BatchJob&) = batch_script;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Example& example, std::ostream* out) { *out << example.name; }

/// DITMILL_WRITE_GOLDEN=1 writes them anew.
class Golden : public testing::TestWithParam<Example> {};

TEST_P(Golden, IsWhatTheScriptIs) {
  const std::string script = GetParam().script(GetParam().job());
  const std::string path = golden_path(GetParam().name);
  if (std::getenv("DITMILL_WRITE_GOLDEN") != nullptr) std::ofstream{path} << script;
  std::ostringstream golden;
  golden << std::ifstream{path}.rdbuf();
  EXPECT_EQ(script, golden.str());
}

INSTANTIATE_TEST_SUITE_P(Settings, Golden,
                         testing::Values(Example{"defaults", defaults}, Example{"gpus", gpus},
                                         Example{"srun", by_srun}, Example{"apptainer", in_apptainer},
                                         Example{"pyxis", in_pyxis}, Example{"staged", staged},
                                         Example{"staged_weights", staged_weights}, Example{"array", array},
                                         Example{"merge", array, merge_script}));

TEST(BatchScript, RefusesAPathThatNoSbatchLineHolds) {
  for (const char* path : {"/a\nb", "/a\"b", "/a\\b"}) {
    BatchJob job = defaults();
    job.run_directory = path;
    EXPECT_THROW(batch_script(job), Error) << path;
  }
}

TEST(ArrayTasks, AreAllOrSome) {
  BatchJob job = array();
  EXPECT_EQ(array_tasks(job), "0-3%2");
  EXPECT_EQ(array_tasks(job, {1, 3}), "1,3%2");
  job.shards_at_once = 0;
  EXPECT_EQ(array_tasks(job), "0-3");
}

TEST(ShellWord, QuotesWhatBashWouldRead) {
  EXPECT_EQ(shell_word("/a/b-c_1.0:x@y"), "/a/b-c_1.0:x@y");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's $HOME"), "'it'\\''s $HOME'");
}

}  // namespace
}  // namespace ditmill::slurm
