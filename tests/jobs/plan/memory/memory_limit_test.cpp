#include "jobs/plan/memory/memory_limit.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::plan {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

/// A root file system as far as memory goes.
class FakeRoot {
 public:
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root() + path).parent_path());
    std::ofstream(root() + path) << text;
  }
  void meminfo(std::uint64_t available_kib) const {
    write("/proc/meminfo", "MemTotal:       99999999 kB\nMemFree:          123 kB\nMemAvailable:   " +
                               std::to_string(available_kib) + " kB\n");
  }
  void v2(const std::string& cgroup, const std::string& limit, const std::string& used,
          const std::string& stat = "anon 5\ninactive_file 0\nactive_file 0\n") const {
    write("/sys/fs/cgroup" + cgroup + "/memory.max", limit);
    write("/sys/fs/cgroup" + cgroup + "/memory.current", used);
    write("/sys/fs/cgroup" + cgroup + "/memory.stat", stat);
  }
  std::string root() const { return folder_.path(); }

 private:
  tests::TempFolder folder_;
};

constexpr const char* v2_mount =
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

/// The sources, without the machine's.
std::vector<std::string> cgroups(const std::vector<MemoryBound>& bounds) {
  std::vector<std::string> sources;
  for (const MemoryBound& bound : bounds) {
    if (bound.id != "machine") sources.push_back(bound.source);
  }
  return sources;
}

TEST(MemoryBounds, AreMemAvailableWhereThereAreNoCgroups) {
  FakeRoot fake;
  fake.meminfo(2048);
  EXPECT_EQ(memory_bounds(fake.root()),
            (std::vector<MemoryBound>{{"machine", "MemAvailable of /proc/meminfo", 2 * mib}}));
}

TEST(MemoryBounds, AreNoneWhereTheKernelTellsNothing) {
  const FakeRoot fake;
  EXPECT_THAT(memory_bounds(fake.root()), IsEmpty());
  fake.write("/proc/meminfo", "MemAvailable: many kB\n");
  fake.write("/proc/self/cgroup", "nonsense\n0::\n7:memory\n");
  fake.write("/proc/self/mountinfo", "nonsense - \n - cgroup2 x y\n31 23 - cgroup2\n");
  EXPECT_THAT(memory_bounds(fake.root()), IsEmpty());
}

TEST(MemoryBounds, WalkUpCgroupV2AndTakeEveryLimit) {
  const FakeRoot fake;
  fake.write("/proc/self/cgroup", "0::/slurm/job_7/step_0\n");
  fake.write("/proc/self/mountinfo", v2_mount);
  fake.v2("/slurm/job_7/step_0", "max\n", "1000\n");
  fake.v2("/slurm/job_7", "10000\n", "4000\n", "inactive_file 1000\nactive_file 500\nfile 9\n");
  fake.v2("/slurm", "20000\n", "30000\n");
  const std::vector<MemoryBound> bounds = memory_bounds(fake.root());
  ASSERT_THAT(bounds, SizeIs(2));
  EXPECT_EQ(bounds[0].source, "/sys/fs/cgroup/slurm/job_7/memory.max");
  EXPECT_EQ(bounds[0].available, 7500U) << "file caches can be given up";
  EXPECT_EQ(bounds[1].source, "/sys/fs/cgroup/slurm/memory.max");
  EXPECT_EQ(bounds[1].available, 0U) << "more used than allowed";
  EXPECT_NE(bounds[0].id, bounds[1].id);
}

TEST(MemoryBounds, ReadCgroupV1WithItsOwnNames) {
  const FakeRoot fake;
  fake.write("/proc/self/cgroup", "8:pids:/a\n4:cpu,memory:/box\n0::/\n");
  fake.write("/proc/self/mountinfo",
             "34 31 0:32 / /sys/fs/cgroup/memory rw shared:12 - cgroup cgroup rw,memory\n"
             "33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  const std::string folder = "/sys/fs/cgroup/memory";
  fake.write(folder + "/box/memory.limit_in_bytes", "5000\n");
  fake.write(folder + "/box/memory.usage_in_bytes", "3000\n");
  fake.write(folder + "/box/memory.stat",
             "inactive_file 7\ntotal_inactive_file 400\ntotal_active_file 600\n");
  fake.write(folder + "/memory.limit_in_bytes", "9223372036854771712\n");
  fake.write(folder + "/memory.usage_in_bytes", "3000\n");
  const std::vector<MemoryBound> bounds = memory_bounds(fake.root());
  ASSERT_THAT(bounds, SizeIs(1)) << "the largest number of pages means no limit";
  EXPECT_EQ(bounds[0].source, folder + "/box/memory.limit_in_bytes");
  EXPECT_EQ(bounds[0].available, 3000U);
}

TEST(MemoryBounds, FindTheCgroupInContainersAndOddMounts) {
  struct Case {
    std::string mountinfo;
    std::string own;
    std::string folder;  ///< of the limit
  };
  const std::vector<Case> cases{
      // The host's path, where only the container's part is mounted.
      {"5 4 0:1 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/docker/ab", "/sys/fs/cgroup"},
      {"5 4 0:1 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/docker/ab/task",
       "/sys/fs/cgroup/task"},
      // A namespace of cgroups, seen from below.
      {"5 4 0:1 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n", "/../../other", "/sys/fs/cgroup"},
      {"5 4 0:1 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "/a", "/sys/fs/cgroup/unified/a"},
      {"5 4 0:1 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n", "/a", "/mnt/my groups/a"},
  };
  for (const Case& each : cases) {
    const FakeRoot fake;
    fake.write("/proc/self/cgroup", "0::" + each.own + "\n");
    fake.write("/proc/self/mountinfo", each.mountinfo);
    fake.write(each.folder + "/memory.max", "100\n");
    fake.write(each.folder + "/memory.current", "40\n");
    EXPECT_EQ(cgroups(memory_bounds(fake.root())), std::vector{each.folder + "/memory.max"}) << each.own;
  }
}

TEST(MemoryBounds, OfThisMachineAreThere) {
  const std::vector<MemoryBound> bounds = memory_bounds();
  ASSERT_THAT(bounds, testing::Not(IsEmpty()));
  EXPECT_GT(bounds[0].available, mib);
}

TEST(ProcessMemory, KnowsThePeakAfterTheMemoryIsGone) {
  const ProcessMemory before = process_memory();
  ASSERT_GT(before.resident, 0U);
  {
    const std::vector<char> block(64 * mib, 'x');
    EXPECT_GE(process_memory().resident, before.resident + 60 * mib) << block.size();
  }
  EXPECT_LT(process_memory().resident, before.resident + 30 * mib);
  EXPECT_GE(process_memory().peak, before.resident + 60 * mib);
  EXPECT_EQ(process_memory("/nowhere").peak, 0U);
}

TEST(MachineId, TellsMachinesByTheirBootIds) {
  const FakeRoot a;
  const FakeRoot b;
  a.write("/proc/sys/kernel/random/boot_id", "one\n");
  b.write("/proc/sys/kernel/random/boot_id", "two\n");
  EXPECT_NE(machine_id(a.root()), machine_id(b.root()));
  EXPECT_EQ(machine_id(), machine_id());
}

}  // namespace
}  // namespace ditmill::jobs::plan
