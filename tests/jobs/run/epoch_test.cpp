#include "jobs/run/epoch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>

#include "configs/error.h"
#include "dist/liveness/process.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_owner.h"
#include "jobs/results/journal/writer.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::run {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using SteadyClock = std::chrono::steady_clock;

// An owner that has no core, or whose disk is busy, may show no life for a while: that must not be long.
constexpr EpochLimits quick{.beat = milliseconds(20),
                            .stale = milliseconds(3000),
                            .give_up = milliseconds(4000),
                            .poll = milliseconds(10)};
/// Less than any wait for a heartbeat to go stale by the real limits, half a minute; enough for a slow disk.
constexpr double at_once = 20;
/// Less than `quick` waits for a heartbeat to go stale, though the test comes late to it.
constexpr double a_wait = 1;

struct EpochTest : ::testing::Test {
  EpochTest() { run.create(); }

  void write_epoch(int number, const results::EpochOwner& owner) {
    results::durable::write_file(run.epoch(number), to_text(owner));
  }
  double seconds_to_take(const slurm::Allocation& allocation = {}, EpochLimits limits = quick) {
    const auto before = SteadyClock::now();
    number = Epoch(run, allocation, limits).number();
    return std::chrono::duration<double>(SteadyClock::now() - before).count();
  }

  TempFolder folder;
  results::RunDirectory run{folder.path() + "/run"};
  results::EpochOwner self = results::this_process({});
  int number = 0;
};

slurm::Allocation in_job(const std::string& id, int restarts) {
  slurm::Allocation allocation;
  allocation.job_id = id;
  allocation.restart_count = restarts;
  return allocation;
}

/// A child that runs `action`, says so, and then waits to be killed.
class Child {
 public:
  explicit Child(const std::function<void()>& action) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    pid_ = ::fork();
    if (pid_ == 0) {
      action();
      [[maybe_unused]] const auto written = ::write(ends[1], "x", 1);
      while (true) ::pause();
    }
    ::close(ends[1]);
    char byte = 0;
    if (::read(ends[0], &byte, 1) != 1) throw std::runtime_error("the child has died");
    ::close(ends[0]);
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill() { ::kill(pid_, SIGKILL); }
  void send(int signal) { ::kill(pid_, signal); }
  void end() {
    if (pid_ <= 0) return;
    kill();
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(EpochTest, CountsStartsAndNamesItsOwner) {
  {
    const Epoch first(run, in_job("42", 1), quick);
    EXPECT_EQ(first.number(), 1);
    const results::EpochOwner owner =
        results::owner_from_text(results::durable::read_file(run.path() + "/epochs/0001.json"));
    EXPECT_EQ(owner.pid, ::getpid());
    EXPECT_EQ(owner.slurm_job, "42");
    EXPECT_EQ(owner.slurm_restart, 1);
    EXPECT_EQ(owner.boot_id.size(), 36U);
    EXPECT_GT(owner.pid_start, 0U);
    EXPECT_FALSE(owner.host.empty());
  }
  EXPECT_EQ(Epoch(run, {}, quick).number(), 2);
  EXPECT_EQ(results::newest_epoch(run), 2);
}

TEST_F(EpochTest, DoesNotWaitForAnOwnerThatEndedOrderly) {
  { const Epoch first(run, {}, quick); }
  EXPECT_LT(seconds_to_take({}, {}), at_once);
  EXPECT_EQ(number, 2);
}

TEST_F(EpochTest, DoesNotWaitForAnOwnerThatWasKilled) {
  std::optional<Epoch>* leaked = nullptr;
  Child owner([&] {
    leaked = new std::optional<Epoch>;
    leaked->emplace(run, slurm::Allocation{}, quick);
  });
  owner.kill();
  EXPECT_LT(seconds_to_take({}, {}), at_once) << "the limits are the real ones";
  EXPECT_EQ(number, 2);
}

TEST_F(EpochTest, GivesUpOnALiveOwnerAndNamesIt) {
  std::optional<Epoch>* leaked = nullptr;
  Child owner([&] {
    leaked = new std::optional<Epoch>;
    leaked->emplace(run, in_job("77", 0), quick);
  });
  try {
    seconds_to_take();
    ADD_FAILURE() << "took epoch " << number;
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.category()), 3);
    EXPECT_THAT(error.what(), HasSubstr("0001.json"));
    EXPECT_THAT(error.what(), HasSubstr("Slurm job 77"));
    EXPECT_THAT(error.what(), HasSubstr(results::this_process({}).host));
  }
  EXPECT_EQ(results::newest_epoch(run), 1);
}

TEST_F(EpochTest, TakesOverFromAStoppedOwnerOnceItsHeartbeatIsStale) {
  std::optional<Epoch>* leaked = nullptr;
  Child owner([&] {
    leaked = new std::optional<Epoch>;
    leaked->emplace(run, slurm::Allocation{}, quick);
  });
  owner.send(SIGSTOP);
  EXPECT_GT(seconds_to_take(), a_wait);
  EXPECT_EQ(number, 2);
  EXPECT_TRUE(results::superseded(run, 1));
  EXPECT_FALSE(results::superseded(run, 2));
}

TEST_F(EpochTest, KeepsItsHeartbeatFresh) {
  const std::time_t began_at = std::time(nullptr);
  const Epoch epoch(run, {}, quick);
  const timespec old[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, run.epoch(1).c_str(), old, 0), 0);
  struct stat status {};
  for (const auto began = SteadyClock::now(); SteadyClock::now() - began < std::chrono::minutes(1);) {
    ASSERT_EQ(::stat(run.epoch(1).c_str(), &status), 0);
    if (status.st_mtim.tv_sec != old[1].tv_sec) break;
    std::this_thread::sleep_for(quick.beat);
  }
  EXPECT_GE(status.st_mtim.tv_sec, began_at - 1) << "a file's clock is a tick late";
  EXPECT_LE(status.st_mtim.tv_sec, std::time(nullptr));
}

TEST_F(EpochTest, JudgesOwnersByWhatItCanSee) {
  results::EpochOwner gone = self;
  gone.pid_start += 1;
  results::EpochOwner elsewhere = gone;
  elsewhere.boot_id = "another";
  results::EpochOwner container = gone;
  container.pid_namespace = "pid:[1]";
  results::EpochOwner job = elsewhere;
  job.slurm_job = "9";
  results::EpochOwner same_job_now = self;
  same_job_now.slurm_job = "9";
  results::EpochOwner requeued = same_job_now;
  requeued.slurm_restart = 1;
  results::EpochOwner other_job = requeued;
  other_job.slurm_job = "10";
  const struct {
    const char* what;
    const results::EpochOwner& owner;
    const results::EpochOwner& self;
    bool ended;
  } cases[] = {
      {"itself", self, self, false},
      {"its pid is used again", gone, self, true},
      {"on another boot or host: unknown", elsewhere, self, false},
      {"in another container: unknown", container, self, false},
      {"the job was started again", job, requeued, true},
      {"the same incarnation", job, same_job_now, false},
      {"another job: unknown", job, other_job, false},
      {"a torn file: unknown", results::EpochOwner{}, self, false},
  };
  for (const auto& [what, owner, me, ended] : cases) EXPECT_EQ(results::has_ended(owner, me), ended) << what;
}

TEST_F(EpochTest, KnowsThatAZombieHasEnded) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(dist::process_start(child), 0U);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(dist::process_start(child), 0U);
  EXPECT_GT(dist::process_start(::getpid()), 0U);
}

TEST_F(EpochTest, WaitsOutATornOrForeignFile) {
  for (const char* text : {"", "{\"host\":\"a\",", "[]", R"({"pid":"x","boot_id":7})", R"({"pid":-1})"}) {
    EXPECT_EQ(results::owner_from_text(text).pid, 0) << text;
  }
  std::ofstream(run.epoch(3)) << "{\"ho";
  EXPECT_GT(seconds_to_take(), a_wait);
  EXPECT_EQ(number, 4);
}

TEST_F(EpochTest, ThatCouldNotBeWrittenKeepsNobodyWaiting) {
  const Child writer([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit nothing{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_FSIZE, &nothing);
    try {
      const Epoch epoch(run, {}, quick);
    } catch (const Error&) {
      return;
    }
    ::_exit(1);
  });
  EXPECT_EQ(std::filesystem::file_size(run.epoch(1)), 0U);
  EXPECT_LT(seconds_to_take({}, {}), at_once);
  EXPECT_EQ(number, 2);
}

TEST_F(EpochTest, IsTakenByOneOfManyThatStartTogether) {
  constexpr int many = 8;
  constexpr int longest_ms = 60'000;
  EpochLimits limits = quick;
  limits.stale = std::chrono::minutes(10);  // none of them dies
  limits.give_up = milliseconds(900);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  for (int i = 0; i < many; ++i) {
    if (::fork() != 0) continue;
    ::close(ends[1]);
    try {
      const Epoch epoch(run, {}, limits);
      // However late they come: it is held until the others have given up.
      pollfd all_ended{.fd = ends[0], .events = POLLIN, .revents = 0};
      ::poll(&all_ended, 1, longest_ms);
      ::_exit(epoch.number());
    } catch (const Error&) {
      ::_exit(100);
    }
  }
  std::vector<int> codes;
  for (int i = 0; i < many; ++i) {
    if (i == many - 1) ::close(ends[1]);
    int status = 0;
    ASSERT_GT(::waitpid(-1, &status, 0), 0);
    codes.push_back(WEXITSTATUS(status));
  }
  ::close(ends[0]);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), 1), 1);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), 100), 7);
}

TEST_F(EpochTest, RemovesWhatDeadEpochsLeftAndNothingElse) {
  const auto touch = [&](const std::string& name) {
    const std::filesystem::path path = run.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "1234";
  };
  const auto done = [](const std::string& part) {
    return results::Record{
        .time = 1, .event = results::Event::done, .item = "a", .key = part, .part = part, .part_bytes = 4};
  };
  for (const char* name :
       {"results.h5", "results.h5.tmp", "manifest.yaml", "epochs/now-1.tmp",  //
        "parts/e0001-g000/000001.h5", "parts/e0001-g000/000002.h5",           // 2: killed before its line
        "parts/e0001-g000/000003.h5.tmp", "parts/e0001-g000/notes.txt",       //
        "parts/e0002-g000/000001.h5", "parts/e0002-g000/000002.h5",           // its journal is damaged
        "parts/e0002-g001/000001.h5",                                         // no journal at all
        "parts/e0003-g000/000001.h5.tmp", "parts/mine/000009.h5.tmp",         // epoch 3 is the new one
        "spool/e0001/r00000", "spool/e0001/r00001", "spool/e0002/r00000"}) {
    touch(name);
  }
  results::JournalWriter(run.journal(1, 0)).append(done("parts/e0001-g000/000001.h5"));
  results::JournalWriter(run.journal(2, 0)).append(done("parts/e0002-g000/000001.h5"));
  std::ofstream(run.journal(1, 0), std::ios::app) << "{\"v\":1,\"torn";
  std::ofstream(run.journal(2, 0), std::ios::app) << "{\"v\":1,\"damaged\"}\n";
  self.pid_start += 1;
  write_epoch(2, self);

  const Epoch epoch(run, {}, quick);
  EXPECT_EQ(epoch.number(), 3);
  EXPECT_THAT(epoch.reclaimed(),
              ElementsAre("epochs/now-1.tmp", "parts/e0001-g000/000002.h5", "parts/e0001-g000/000003.h5.tmp",
                          "parts/e0002-g001/000001.h5", "results.h5.tmp", "spool/e0001", "spool/e0002"));
  EXPECT_FALSE(std::filesystem::exists(run.spools()));
  EXPECT_THAT(files_below(run.parts()),
              ElementsAre("e0001-g000/000001.h5", "e0001-g000/notes.txt", "e0002-g000/000001.h5",
                          "e0002-g000/000002.h5", "e0003-g000/000001.h5.tmp", "mine/000009.h5.tmp"));
}

}  // namespace
}  // namespace ditmill::jobs::run
