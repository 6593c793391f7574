#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "configs/error.h"
#include "jobs/bench/doctor/diagnosis.h"
#include "jobs/bench/doctor/doctor_text.h"
#include "jobs/bench/doctor/known_bad.h"
#include "jobs/bench/doctor/pair_rates.h"

namespace ditmill::jobs::bench::doctor {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

/// Nodes n1, n2, ... that are alike and well.
std::vector<NodeFacts> healthy(std::size_t count) {
  std::vector<NodeFacts> nodes(count);
  for (std::size_t i = 0; i < count; ++i) {
    NodeFacts& node = nodes[i];
    node.host = "n" + std::to_string(i + 1);
    node.cores = 16;
    node.load = 0.1;
    node.cpu_rate = 700 + static_cast<double>(i);
    node.memory = 256 * gib;
    node.memory_available = 200 * gib;
    node.shm = 128 * gib;
    node.shm_free = 120 * gib;
    node.write_rate = 1000 - 10 * static_cast<double>(i);
    node.read_rate = 2000;
    node.gpus.assign(
        4,
        Gpu{.name = "H100", .memory_mib = 81559, .clock_mhz = 1980, .top_clock_mhz = 1980, .held_back = {}});
    node.versions = {{"mpi", "Open MPI v5.0.5, package: x"}, {"hdf5", "1.14.3"}, {"driver", "550.54"}};
    node.pair_rates.assign(count, count > 1 ? 10'000 : 0);
    node.pair_rates[i] = 0;
  }
  return nodes;
}

struct Case {
  const char* name = nullptr;
  std::size_t nodes = 4;
  void (*spoil)(std::vector<NodeFacts>&) = nullptr;
  std::vector<std::string> odd = {};
  const char* says = nullptr;
  int exit = 2;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }

class Diagnose : public testing::TestWithParam<Case> {};

TEST_P(Diagnose, NamesWhoIsOddAndWhy) {
  const Case& each = GetParam();
  std::vector<NodeFacts> nodes = healthy(each.nodes);
  if (each.spoil != nullptr) each.spoil(nodes);
  const Diagnosis diagnosis = diagnose(nodes, 0);
  EXPECT_EQ(diagnosis.odd_nodes(), each.odd);
  EXPECT_EQ(diagnosis.exit_code(), each.exit);
  const std::string text = doctor_text(nodes, diagnosis);
  EXPECT_THAT(text, HasSubstr(each.says));
  if (each.odd.empty()) return;
  EXPECT_THAT(text, EndsWith("--exclude=" + each.odd.back() + "\n"));
}

INSTANTIATE_TEST_SUITE_P(
    Nodes, Diagnose,
    testing::Values(
        Case{"all equal", 4, nullptr, {}, "the 4 nodes are alike", 0},
        Case{"one node", 1, nullptr, {}, "nothing is wrong with this node", 0},
        Case{"two equal", 2, nullptr, {}, "the 2 nodes are alike", 0},
        Case{"slow core",
             4,
             [](auto& nodes) { nodes[2].cpu_rate = 300; },
             {"n3"},
             "n3: a core's speed: 300 million steps/s, where the median is 70"},
        Case{"slow cores of two",
             2,
             [](auto& nodes) { nodes[1].cpu_rate = 300; },
             {},
             "of two nodes nobody can tell"},
        Case{"fewer GPUs",
             4,
             [](auto& nodes) { nodes[0].gpus.pop_back(); },
             {"n1"},
             "n1: GPUs: 3, where most have 4"},
        Case{"other GPUs",
             3,
             [](auto& nodes) { nodes[1].gpus[2].name = "A100"; },
             {"n2"},
             "n2: its GPUs: A100, H100, where most have H100"},
        Case{"GPUs without a majority",
             4,
             [](auto& nodes) {
               nodes[0].gpus.pop_back();
               nodes[1].gpus.pop_back();
             },
             {},
             "GPUs differ: 3 on 2 nodes, 4 on 2 nodes"},
        Case{"held back GPU",
             1,
             [](auto& nodes) { nodes[0].gpus[1].held_back = "power brake"; },
             {"n1"},
             "GPU 1 is held back"},
        Case{"hung nvidia-smi",
             3,
             [](auto& nodes) {
               nodes[1].gpus.clear();
               nodes[1].gpu_error = "nvidia-smi hangs";
               nodes[1].versions.erase("driver");
             },
             {"n2"},
             "n2: nvidia-smi hangs"},
        Case{"clock of one",
             4,
             [](auto& nodes) { nodes[3].clock_offset = -7.5; },
             {"n4"},
             "n4: its clock is 7.5 s behind"},
        Case{"clock of the first",
             4,
             [](auto& nodes) {
               for (std::size_t i = 1; i < 4; ++i) nodes[i].clock_offset = 60;
             },
             {"n1"},
             "n1: its clock is 60.0 s behind"},
        Case{"clocks of two",
             2,
             [](auto& nodes) { nodes[1].clock_offset = 3; },
             {},
             "nobody can tell which is wrong"},
        Case{"slow network",
             4,
             [](auto& nodes) {
               nodes[1].pair_rates = {100, 0, 100, 100};
               for (std::size_t i : {0, 2, 3}) nodes[i].pair_rates[1] = 100;
             },
             {"n2"},
             "n2: its best pair: 100 MB/s, where the median is 1e+04 MB/s"},
        Case{"slow file system",
             4,
             [](auto& nodes) { nodes[2].write_rate = 50; },
             {"n3"},
             "n3: writing to the folder"},
        Case{"no file system",
             4,
             [](auto& nodes) {
               nodes[2].folder_error = "write: no space";
               nodes[2].write_rate = 0;
             },
             {"n3"},
             "n3: write: no space"},
        Case{"no file system anywhere",
             2,
             [](auto& nodes) {
               for (auto& node : nodes) node.folder_error = "not found";
             },
             {},
             "the folder is of no use: not found",
             3},
        Case{"small /dev/shm", 3, [](auto& nodes) { nodes[0].shm = gib; }, {"n1"}, "n1: /dev/shm: 1.074 GB"},
        Case{"full /dev/shm",
             1,
             [](auto& nodes) { nodes[0].shm_free = 1 << 20; },
             {"n1"},
             "/dev/shm has 1.0 MB left"},
        Case{"little memory",
             3,
             [](auto& nodes) { nodes[2].memory_available = 20 * gib; },
             {"n3"},
             "n3: memory that is available"},
        Case{"loaded",
             3,
             [](auto& nodes) { nodes[2].load = 20; },
             {"n3"},
             "others are at work on it: its load is 20.0, on 16 cores"},
        Case{"other HDF5",
             3,
             [](auto& nodes) { nodes[2].versions["hdf5"] = "1.14.4"; },
             {"n3"},
             "n3: hdf5: 1.14.4, where most have 1.14.3"},
        Case{"silent",
             3,
             [](auto& nodes) {
               nodes[2] = {};
               nodes[2].host = "n3";
               nodes[2].silent = true;
             },
             {"n3"},
             "n3: it does not answer"}));

TEST(DiagnoseGpus, ThatAreFewerThanAskedForOnEveryNode) {
  const std::vector<NodeFacts> nodes = healthy(2);
  EXPECT_THAT(diagnose(nodes, 5).odd_nodes(), ElementsAre("n1", "n2"));
  EXPECT_THAT(doctor_text(nodes, diagnose(nodes, 5)),
              EndsWith("these are all nodes: look first at what they share\n--exclude=n1,n2\n"));
  EXPECT_THAT(diagnose(healthy(2), 4).odd_nodes(), IsEmpty());
}

TEST(DiagnoseOdd, NodesAreOnTheLastLineOnce) {
  std::vector<NodeFacts> nodes = healthy(7);
  nodes[2].gpus.pop_back();
  nodes[2].cpu_rate = 1;
  nodes[6].shm = gib;
  EXPECT_THAT(doctor_text(nodes, diagnose(nodes, 0)), EndsWith("--exclude=n3,n7\n"));
  EXPECT_EQ(doctor_json(nodes, diagnose(nodes, 0)).at("exclude"), "n3,n7");
}

TEST(DiagnoseMoments, AreWorthAnotherLook) {
  std::vector<NodeFacts> nodes = healthy(4);
  EXPECT_FALSE(diagnose(nodes, 0).may_pass);
  nodes[1].gpus.pop_back();
  EXPECT_FALSE(diagnose(nodes, 0).may_pass);
  const NodeFacts well = nodes[2];
  nodes[2].cpu_rate = 1;
  nodes[2].write_rate = 1;
  nodes[2].load = 99;
  nodes[2].pair_rates.assign(4, 1);
  EXPECT_TRUE(diagnose(nodes, 0).may_pass);
  nodes[2].take_better(well);
  EXPECT_FALSE(diagnose(nodes, 0).may_pass);
  EXPECT_THAT(diagnose(nodes, 0).odd_nodes(), ElementsAre("n2"));
}

TEST(NodeFactsTravel, Whole) {
  NodeFacts facts = healthy(3)[1];
  facts.gpus[0].held_back = "power brake";
  facts.gpu_error = "x";
  facts.folder_error = "y";
  facts.clock_offset = -0.25;
  EXPECT_EQ(to_json(facts_from_json(to_json(facts))), to_json(facts));
}

TEST(KnownBad, VersionsAreToldWithTheReason) {
  const auto tell = [](const std::map<std::string, std::string>& versions) { return known_bad(versions); };
  EXPECT_THAT(tell({{"hdf5", "1.10.8"}}), ElementsAre(HasSubstr("hdf5 1.10.8: collective metadata reads")));
  EXPECT_THAT(tell({{"hdf5", "1.12.1"}}), ElementsAre(HasSubstr("fixed in 1.12.2")));
  for (const char* good : {"1.10.4", "1.10.9", "1.12.2", "1.14.0", ""})
    EXPECT_THAT(tell({{"hdf5", good}}), IsEmpty()) << good;
  EXPECT_THAT(tell({{"mpi", "Open MPI v4.1.4, package: Debian"}}),
              ElementsAre(HasSubstr("mpi Open MPI v4.1.4: chunked")));
  EXPECT_THAT(tell({{"mpi", "Open MPI v5.0.1"}}), IsEmpty());
  EXPECT_THAT(tell({{"mpi", "MPICH 4.1.2"}}), IsEmpty());
  EXPECT_THAT(tell({{"nccl", "2.29.2"}, {"machine", "x86_64"}}), ElementsAre(HasSubstr("it can hang")));
  EXPECT_THAT(tell({{"nccl", "2.28.9"}, {"machine", "x86_64"}}), IsEmpty());
  EXPECT_THAT(tell({{"nccl", "2.28.9"}, {"machine", "aarch64"}}),
              ElementsAre(HasSubstr("slots of its proxy")));
  EXPECT_THAT(tell({{"launcher", "srun --mpi=pmix"}}), ElementsAre(HasSubstr("PMIxCollFence=ring")));
  EXPECT_THAT(tell({{"launcher", "mpirun"}}), IsEmpty());
}

TEST(Tournament, LetsEveryPairMeetOnceInRoundsOfDisjointPairs) {
  EXPECT_EQ(rounds_of(1), 0);
  for (int nodes = 2; nodes <= 33; ++nodes) {
    std::set<std::pair<int, int>> met;
    for (int round = 0; round < rounds_of(nodes); ++round) {
      for (int node = 0; node < nodes; ++node) {
        const int partner = partner_of(node, round, nodes);
        if (partner < 0) continue;
        ASSERT_NE(partner, node);
        ASSERT_EQ(partner_of(partner, round, nodes), node) << nodes << " nodes, round " << round;
        met.emplace(std::min(node, partner), std::max(node, partner));
      }
    }
    EXPECT_EQ(met.size(), static_cast<std::size_t>(nodes * (nodes - 1) / 2)) << nodes;
  }
}

TEST(NvidiaSmi, IsReadLineByLine) {
  const std::vector<Gpu> gpus = parse_gpus(
      "NVIDIA H100 80GB HBM3, 81559, 345, 1980, 0x0000000000000001, 550.54.15\n"
      "NVIDIA H100 80GB HBM3, 81559, 210, 1980, 0x00000000000000C0, 550.54.15\n");
  ASSERT_EQ(gpus.size(), 2U);
  EXPECT_EQ(gpus[0].name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpus[0].memory_mib, 81559);
  EXPECT_EQ(gpus[0].held_back, "");
  EXPECT_EQ(gpus[1].clock_mhz, 210);
  EXPECT_EQ(gpus[1].held_back, "hardware thermal slowdown, power brake");
  EXPECT_THROW(parse_gpus("Unable to determine the device handle\n"), Error);
}

}  // namespace
}  // namespace ditmill::jobs::bench::doctor
