#include "jobs/results/store/group_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/store/part_reader.h"
#include "jobs/run/epoch.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

struct GroupStoreTest : ::testing::Test {
  GroupStoreTest() {
    run.create();
    output.path = run.path();
  }
  GroupStore store(int epoch = 1, int group = 0) {
    return {run, epoch, group, output, make_provenance(), limits};
  }

  TempFolder folder;
  RunDirectory run{folder.path() + "/run"};
  OutputConfig output;
  SealLimits limits;
};

std::vector<std::string> ids(const std::vector<Acknowledged>& acknowledged) {
  std::vector<std::string> names;
  for (const Acknowledged& item : acknowledged) names.push_back(item.item);
  return names;
}

TEST_F(GroupStoreTest, AcknowledgesOnlyWhatAReaderThenFinds) {
  output.items_per_part = 2;
  GroupStore store = this->store();
  const requests::Item first = make_item(1);
  const requests::Item second = make_item(2);
  store.start(first, 1);
  EXPECT_THAT(store.add(make_finished(first, true)), IsEmpty());
  EXPECT_EQ(read_journals(run).by_key.at(first.key).event, Event::start);
  EXPECT_THAT(ids(store.add(make_finished(second))), ElementsAre("item1", "item2"));

  const JournalState state = read_journals(run);
  EXPECT_THAT(state.reports, IsEmpty());
  for (const requests::Item& item : {first, second}) {
    const Record& record = state.by_key.at(item.key).record;
    EXPECT_EQ(record.part, "parts/e0001-g000/000001.h5");
    const PartReader part(run.path() + "/" + record.part);
    EXPECT_EQ(part.frames(item.request.id), frame_bytes(item));
    EXPECT_EQ(part.content(item.request.id), record.content);
  }
}

TEST_F(GroupStoreTest, StoresEveryAttributeOfTheContract) {
  output.items_per_part = 1;
  const requests::Item item = make_item(5, 8, 4, 3);
  store().add(make_finished(item));
  const h5::Attributes attributes =
      PartReader(run.path() + "/parts/e0001-g000/000001.h5").attributes("item5");
  const h5::Attributes expected = {
      {"prompt", "Prompt “5”"},
      {"negative_prompt", ""},
      {"seed", std::int64_t{5}},
      {"steps", std::int64_t{8}},
      {"guidance", 5.5},
      {"width", std::int64_t{8}},
      {"height", std::int64_t{4}},
      {"frames", std::int64_t{3}},
      {"fps", 16.0},
      {"attempt", std::int64_t{1}},
      {"started", "2026-01-02T03:04:05Z"},
      {"model_key_hash", "0123456789abcdef0123456789abcdef"},
      {"weights_digest", "sha256:00ff"},
      {"manifest_sha256", "11ee"},
      {"ditmill_version", "9.8.7"},
      {"tokens", std::int64_t{600}},
      {"tokens_cut", std::int64_t{88}},
      {"negative_tokens", std::int64_t{7}},
      {"negative_tokens_cut", std::int64_t{0}},
      {"seconds_text", 0.25},
      {"seconds_denoise", 0.5},
      {"seconds_decode", 0.125},
      {"metadata_json", R"({"shelf":"a"})"},
  };
  for (const auto& attribute : expected) EXPECT_THAT(attributes, Contains(attribute)) << attribute.first;
  EXPECT_EQ(attributes.size(), expected.size() + 2) << "seconds_store and config_json besides";
  for (const auto& [name, value] : attributes) {
    if (name != "config_json") continue;
    const auto dump = nlohmann::json::parse(std::get<std::string>(value));
    EXPECT_EQ(dump.at("layer1_model_definition").at("path"), "/models/tiny");
    EXPECT_EQ(dump.at("layer2_inference_config").at("solver"), "unipc");
    EXPECT_EQ(dump.at("layer3_request").at("seed"), 5);
  }
}

TEST_F(GroupStoreTest, SealsPartsOfTheGivenSize) {
  output.items_per_part = 3;
  GroupStore store = this->store();
  std::vector<std::size_t> sealed;
  for (int i = 0; i < 7; ++i) sealed.push_back(store.add(make_finished(make_item(i))).size());
  EXPECT_THAT(sealed, ElementsAre(0, 0, 3, 0, 0, 3, 0));
  EXPECT_THAT(store.seal(false), IsEmpty()) << "a fixed size does not grow old";
  EXPECT_EQ(ids(store.seal(true)), std::vector<std::string>{"item6"});
  EXPECT_THAT(store.seal(true), IsEmpty());
  EXPECT_THAT(files_below(run.parts()),
              ElementsAre("e0001-g000/000001.h5", "e0001-g000/000002.h5", "e0001-g000/000003.h5"));
}

TEST_F(GroupStoreTest, SealsSlowItemsAtOnceAndQuickOnesTogether) {
  GroupStore store = this->store();
  FinishedItem slow = make_finished(make_item(2));
  const requests::Item quick = make_item(1);
  const requests::Item slow_item = make_item(2);
  slow.item = &slow_item;
  slow.seconds_denoise = 2;
  EXPECT_THAT(store.add(make_finished(quick)), IsEmpty());
  EXPECT_THAT(ids(store.add(slow)), ElementsAre("item1", "item2"));
  EXPECT_THAT(store.add(make_finished(quick)), IsEmpty());
}

TEST_F(GroupStoreTest, SealsQuickItemsByTheHundreds) {
  GroupStore store = this->store();
  for (int i = 0; i < 255; ++i) ASSERT_THAT(store.add(make_finished(make_item(i, 4, 4))), IsEmpty());
  EXPECT_EQ(store.add(make_finished(make_item(255, 4, 4))).size(), 256U);
}

TEST_F(GroupStoreTest, JournalsFailuresAtOnce) {
  GroupStore store = this->store();
  const requests::Item item = make_item(1);
  store.start(item, 2);
  store.failed(item, 2, Error{Category::numeric, "not finite"});
  const ItemState state = read_journals(run).by_key.at(item.key);
  EXPECT_EQ(state.event, Event::failed);
  EXPECT_EQ(state.record.category, Category::numeric);
  EXPECT_EQ(state.record.reason, "numeric: not finite") << "others read no more than this";
  EXPECT_EQ(state.attempts, 2);
}

TEST_F(GroupStoreTest, DropsWhatIsNotSealed) {
  { store().add(make_finished(make_item(1))); }
  EXPECT_THAT(files_below(run.parts()), IsEmpty());
  EXPECT_FALSE(read_journals(run).by_key.contains(make_item(1).key));
}

TEST_F(GroupStoreTest, SealsAPartThatGrowsLargeInMemory) {
  output.items_per_part = 1000;
  limits.bytes = 8 << 20;
  GroupStore store = this->store();
  const requests::Item large = make_item(1, 1024, 1024, 3);
  EXPECT_EQ(store.add(make_finished(large)).size(), 1U);
}

TEST_F(GroupStoreTest, SealsQuickItemsAfterAWhile) {
  limits.age = std::chrono::hours(1);
  GroupStore store = this->store(1);
  EXPECT_THAT(store.add(make_finished(make_item(1))), IsEmpty());
  EXPECT_THAT(store.seal(false), IsEmpty());
  limits.age = {};  // an hour later
  EXPECT_EQ(this->store(2).add(make_finished(make_item(2))).size(), 1U);
}

TEST_F(GroupStoreTest, OfAnOlderEpochStopsBeforeItSeals) {
  output.items_per_part = 2;
  GroupStore zombie = store(1);
  const requests::Item item = make_item(1);
  zombie.add(make_finished(item));
  std::ofstream(run.epoch(2)) << R"({"pid":12,"host":"node7"})";
  for (const bool by_adding : {true, false}) {
    try {
      if (by_adding) {
        zombie.add(make_finished(make_item(2)));
      } else {
        zombie.seal(true);
      }
      ADD_FAILURE() << "the zombie sealed";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::io);
      EXPECT_THAT(error.what(), HasSubstr("another run has taken over"));
      EXPECT_THAT(error.what(), HasSubstr("epoch 2 of pid 12 on node7"));
    }
  }
  EXPECT_FALSE(std::filesystem::exists(run.path() + "/" + RunDirectory::part(1, 0, 1)));
  EXPECT_FALSE(read_journals(run).by_key.contains(item.key));
}

TEST_F(GroupStoreTest, WritesNothingIntoFilesOfAnotherGroupOrEpoch) {
  output.items_per_part = 1;
  for (const auto& [epoch, group] : {std::pair(1, 0), std::pair(1, 1), std::pair(2, 0)}) {
    store(epoch, group).add(make_finished(make_item(epoch * 10 + group)));
  }
  EXPECT_THAT(
      files_below(run.path()),
      ElementsAre("journal/e0001-g000.jsonl", "journal/e0001-g001.jsonl", "journal/e0002-g000.jsonl",
                  "parts/e0001-g000/000001.h5", "parts/e0001-g001/000001.h5", "parts/e0002-g000/000001.h5"));
}

TEST_F(GroupStoreTest, StartsAnotherFolderAfterAThousandParts) {
  EXPECT_EQ(RunDirectory::part(7, 0, 1), "parts/e0007-g000/000001.h5");
  EXPECT_EQ(RunDirectory::part(7, 0, 1000), "parts/e0007-g000/001000.h5");
  EXPECT_EQ(RunDirectory::part(7, 0, 1001), "parts/e0007-g000-01/001001.h5");
  EXPECT_EQ(RunDirectory::part(12345, 1000, 2001), "parts/e12345-g1000-02/002001.h5");
}

/// What a process says whose files may not grow beyond 100 KB (a full disk, but for errno): the ids that were
/// acknowledged, then the category of the error. It must end by itself, without a crash.
std::string output_of_a_store_on_a_full_disk(const RunDirectory& run, const OutputConfig& output) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::string said;
    int code = 1;
    try {
      GroupStore store(run, 1, 0, output, make_provenance());
      for (int i = 0; i < 3; ++i) {
        // The third item does not fit.
        const requests::Item item = make_item(i, 64, i == 2 ? 4096 : 64);
        for (const Acknowledged& done : store.add(make_finished(item))) said += done.item + " ";
      }
    } catch (const Error& error) {
      said += name(error.category());
      code = 0;
    }
    [[maybe_unused]] const auto written = ::write(pipe_ends[1], said.data(), said.size());
    std::exit(code);  // NOLINT(concurrency-mt-unsafe): HDF5's own clean-up at exit is part of the test
  }
  ::close(pipe_ends[1]);
  std::string said;
  char buffer[256];
  for (ssize_t count = 0; (count = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(pipe_ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  return said;
}

TEST_F(GroupStoreTest, OnAFullDiskFailsWithoutLosingWhatItAcknowledged) {
  output.items_per_part = 1;
  EXPECT_EQ(output_of_a_store_on_a_full_disk(run, output), "item0 item1 io");
  const JournalState state = read_journals(run);
  EXPECT_THAT(state.reports, IsEmpty());
  for (int i = 0; i < 2; ++i) {
    const requests::Item item = make_item(i, 64, 64);
    const ItemState& found = state.by_key.at(item.key);
    ASSERT_EQ(found.event, Event::done);
    EXPECT_EQ(PartReader(run.path() + "/" + found.record.part).content(item.request.id),
              found.record.content);
  }
  EXPECT_FALSE(state.by_key.contains(make_item(2).key));
}

}  // namespace
}  // namespace ditmill::jobs::results
