#include "slurm/job_facts.h"

#include <gmock/gmock.h>

namespace ditmill::slurm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* running = R"(JobId=7 JobName=job JobState=FAILED Restarts=9
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority=4294901753 Nice=0 Account=(null) QOS=(null)
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=2 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=00:01:30 TimeLimit=1-00:10:00 TimeMin=N/A
   SubmitTime=2026-11-27T03:00:00 EligibleTime=2026-11-27T03:00:00
   StartTime=2026-11-27T03:00:10 EndTime=2026-11-28T03:10:10 Deadline=N/A
   Partition=main AllocNode:Sid=vm:1
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=n[1-2]
   BatchHost=n1
   Command=/runs/a b/submit/job.sh JobState=TIMEOUT
)";

constexpr const char* pending = R"(JobId=9 ArrayJobId=8 ArrayTaskId=3 JobName=job
   JobState=PENDING Reason=Resources Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=00:00:00 TimeLimit=UNLIMITED TimeMin=N/A
   StartTime=2026-11-27T04:00:00 EndTime=Unknown Deadline=N/A
   NodeList=
)";

constexpr const char* ended = R"(JobId=10 JobName=job
   JobState=FAILED Reason=NonZeroExitCode Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=75:0
   RunTime=00:00:07 TimeLimit=00:10:00 TimeMin=N/A
   NodeList=n1
)";

TEST(JobFacts, OfTheControllerAreReadWhateverItsUserCalledTheJob) {
  const std::vector<JobFacts> jobs =
      parse_scontrol(std::string{running} + "\n" + pending + "\n" + ended + "\n");
  EXPECT_THAT(jobs, ElementsAre(JobFacts{.id = "7",
                                         .state = "RUNNING",
                                         .nodes = "n[1-2]",
                                         .restarts = 2,
                                         .elapsed_s = 90,
                                         .time_left_s = 86'910},
                                JobFacts{.id = "8_3",
                                         .raw_id = "9",
                                         .state = "PENDING",
                                         .reason = "Resources",
                                         .starts = "2026-11-27T04:00:00"},
                                JobFacts{.id = "10",
                                         .state = "FAILED",
                                         .reason = "NonZeroExitCode",
                                         .nodes = "n1",
                                         .exit_code = "75:0",
                                         .elapsed_s = 7}));
  EXPECT_TRUE(jobs[0].works() && !jobs[0].waits());
  EXPECT_TRUE(jobs[1].waits() && !jobs[1].works());
  EXPECT_FALSE(jobs[2].waits() || jobs[2].works());
}

TEST(JobFacts, OfTheAccountsAreThoseOfTheLastStart) {
  EXPECT_THAT(parse_sacct("12|12|REQUEUED|0:0|30|n[1-2]\n12|12|CANCELLED by 1000|0:15|61|n[3-4]\n"
                          "13_1|14|PENDING|0:0|0|None assigned\n"),
              ElementsAre(JobFacts{.id = "12",
                                   .state = "CANCELLED",
                                   .nodes = "n[3-4]",
                                   .exit_code = "0:15",
                                   .restarts = 1,
                                   .elapsed_s = 61,
                                   .accounted = true},
                          JobFacts{.id = "13_1",
                                   .raw_id = "14",
                                   .state = "PENDING",
                                   .exit_code = "0:0",
                                   .elapsed_s = 0,
                                   .accounted = true}));
}

TEST(JobFacts, OfOtherTextAreNone) {
  EXPECT_THAT(parse_scontrol("slurm_load_jobs error: Invalid job id specified\n"), IsEmpty());
  EXPECT_THAT(parse_sacct(""), IsEmpty());
}

}  // namespace
}  // namespace ditmill::slurm
