#include "slurm/squeue.h"

#include <gmock/gmock.h>

#include "configs/error.h"
#include "slurm/sbatch.h"

namespace ditmill::slurm {
namespace {

TEST(Queue, IsReadLineByLine) {
  EXPECT_THAT(parse_queue("12|PENDING|(Resources)|/runs/a/submit/job.sh\n13|RUNNING|n[1-2]|/a|b\n"),
              testing::ElementsAre(QueuedJob{"12", "PENDING", "(Resources)", "/runs/a/submit/job.sh"},
                                   QueuedJob{"13", "RUNNING", "n[1-2]", "/a|b"}));
  EXPECT_THAT(parse_queue(""), testing::IsEmpty());
}

TEST(Queue, TellsTheTasksOfAnArray) {
  const std::vector<QueuedJob> jobs =
      parse_queue("17_2|RUNNING|n1|/a\n17_13|PENDING|(Priority)|/a\n18|PENDING|()|/b\n");
  EXPECT_EQ(jobs[0].whole(), "17");
  EXPECT_EQ(jobs[0].task(), 2);
  EXPECT_EQ(jobs[1].task(), 13);
  EXPECT_EQ(jobs[2].whole(), "18");
  EXPECT_EQ(jobs[2].task(), std::nullopt);
}

TEST(Queue, KnowsAJobByItsScriptWhateverItsArguments) {
  const QueuedJob job{"12", "RUNNING", "n1", "/a/job.sh 3 4"};
  EXPECT_TRUE(job.is_of("/a/job.sh"));
  EXPECT_FALSE(job.is_of("/a/job"));
  EXPECT_FALSE(job.is_of("/b/job.sh"));
  EXPECT_TRUE((QueuedJob{"12", "RUNNING", "n1", "/a/job.sh"}.is_of("/a/job.sh")));
}

TEST(Queue, OfOtherTextIsRefused) {
  EXPECT_THROW(parse_queue("12 PENDING\n"), Error);
  EXPECT_THROW(parse_queue("\n"), Error);
}

TEST(SbatchOptions, ThatTheScriptRestsOnAreRefused) {
  for (const char* word :
       {"-N2", "-N", "--nodes=2", "--nodes", "-n", "--ntasks-per-node=4", "--array=1-3", "-a1", "--wrap=x",
        "--signal=B:USR1", "--arr=1-3", "--ntasks-p=4", "--sig", "--open=append"}) {
    EXPECT_THROW(check_sbatch_options({"--mem=1G", word}), Error) << word;
  }
  EXPECT_NO_THROW(check_sbatch_options({"--mem=1G", "--nodelist=n1", "-t", "10", "--account=a", "-A", "b",
                                        "--no-kill", "--nodefile=n", "--ntasks-per-core=1"}));
}

TEST(SbatchOptions, OfTheManifestAreToldWithTheFieldThatIsMeant) {
  try {
    check_sbatch_options({"--mem=1G", "--ntasks 4"}, OptionsOf::manifest);
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.doing(), "read slurm.options");
    EXPECT_EQ(error.hint(), "use slurm.ranks_per_node");
  }
}

TEST(SbatchOptions, OfTheAccountGoToSmallJobsToo) {
  EXPECT_THAT(options_of_whose({"--mem=1G", "--account=lab", "-p", "gpu", "-t", "10", "-Alab", "--qos high",
                                "--part", "short", "--acc=x", "y"}),
              testing::ElementsAre("--account=lab", "-p", "gpu", "-Alab", "--qos high", "--part", "short",
                                   "--acc=x"));
}

}  // namespace
}  // namespace ditmill::slurm
