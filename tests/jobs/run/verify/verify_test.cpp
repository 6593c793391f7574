#include <nlohmann/json.hpp>

// A run whose journal has a hash of each part: no byte can change unnoticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs/requests/items/item.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/store/index.h"
#include "jobs/results/store/part_reader.h"
#include "jobs/run/frozen/frozen_files.h"
#include "jobs/run/frozen/resume.h"
#include "jobs/run/verify/verify.h"
#include "registry/digest.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::run {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct VerifyTest : ::testing::Test {
  VerifyTest() {
    run.create();
    const nlohmann::json identity{{"schema", 1}};
    for (int i = 0; i < 3; ++i) {
      items.push_back(make_item(i));
      items.back().key = requests::item_key(identity, items.back().request);
    }
    // The same item under another id.
    items.push_back(items[0]);
    items.back().request.id = "again";
    write_requests(run, items);
    const nlohmann::json config{{"version", "1"}, {identity_field, identity}};
    results::durable::write_file(run.config(), config.dump());
    results::GroupStore store(run, 1, 0, {}, make_provenance());
    for (int i = 0; i < 3; ++i) store.add(make_finished(items[static_cast<std::size_t>(i)], i == 1));
    store.seal(true);
    results::write_index(run, results::read_journals(run), config);
  }

  VerifyReport verify() const {
    return verify_run(run, {}, [](const VerifyProgress&) {});
  }

  TempFolder folder;
  results::RunDirectory run{folder.path() + "/run"};
  std::vector<requests::Item> items;
  std::string part = results::RunDirectory::part(1, 0, 1);
};

TEST_F(VerifyTest, IsContentWithWhatWasWritten) {
  const VerifyReport report = verify();
  EXPECT_EQ(report.exit_code(), 0);
  EXPECT_THAT(report.damage, IsEmpty());
  EXPECT_THAT(report.stale_index, IsEmpty());
  EXPECT_EQ(report.done, 4U) << "an item under a second id is done with the first";
}

TEST_F(VerifyTest, FindsAnyAlteredByteOfAPart) {
  const std::string path = run.path() + "/" + part;
  const std::string whole = results::durable::read_file(path);
  for (std::size_t at = 0; at < whole.size(); at += 211) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    results::durable::write_file(path, bytes);
    const VerifyReport report = verify();
    ASSERT_EQ(report.exit_code(), 3) << "byte " << at;
    EXPECT_EQ(report.damage.front().file, part);
  }
}

TEST_F(VerifyTest, ListsAllDamageAndNamesItemAndDataset) {
  const std::string path = run.path() + "/" + part;
  std::string bytes = results::durable::read_file(path);
  for (const std::size_t i : {0U, 2U}) {
    const std::vector<std::uint8_t> frames = frame_bytes(items[i]);
    const std::size_t at = bytes.find(std::string(frames.begin(), frames.begin() + 64));
    ASSERT_NE(at, std::string::npos);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  results::durable::write_file(path, bytes);
  const VerifyReport report = verify();
  ASSERT_THAT(report.damage, SizeIs(3));
  EXPECT_EQ(report.damage[1].items, std::vector<std::string>{"item0"});
  EXPECT_EQ(report.damage[2].items, std::vector<std::string>{"item2"});
  EXPECT_EQ(report.damage[2].dataset, "frames");
}

TEST_F(VerifyTest, TellsOfASecondDoneWithOtherContent) {
  results::GroupStore store(run, 2, 0, {}, make_provenance());
  results::FinishedItem other = make_finished(items[1]);
  other.frames[0] ^= 1;
  store.add(other);
  store.seal(true);
  const VerifyReport report = verify();
  EXPECT_EQ(report.exit_code(), 3);
  ASSERT_THAT(report.damage, SizeIs(1));
  EXPECT_THAT(report.damage[0].what, ::testing::HasSubstr("done with other content"));
}

TEST_F(VerifyTest, KnowsFilesOfAStartThatDiedBeforeItPublishedTheirConfig) {
  const auto config_of = [this](const std::string& manifest, const std::string& requests) {
    return nlohmann::json{{identity_field, nlohmann::json{{"schema", 1}}},
                          {"manifest_sha256", registry::sha256_hex(manifest)},
                          {"layer3_requests", {{"sha256", registry::sha256_hex(requests)}}}};
  };
  const std::string requests = results::durable::read_file(run.requests());
  publish_frozen(run, "then", run.requests(), config_of("then", requests));
  EXPECT_THAT(verify().damage, IsEmpty());
  EXPECT_THAT(verify().notes, IsEmpty());

  write_requests(run, {items[0], items[1], items[2]});
  EXPECT_THAT(verify().damage, SizeIs(1)) << "nobody is known to have written that list";
  const std::string config = config_of("now", results::durable::read_file(run.requests())).dump();
  const std::string beside = results::durable::write_beside(run.config(), config);
  EXPECT_THAT(verify().damage, IsEmpty());
  EXPECT_THAT(verify().notes, SizeIs(1));
  results::durable::write_file(run.manifest(), "now");
  EXPECT_THAT(verify().damage, IsEmpty());
  EXPECT_THAT(verify().notes, SizeIs(2));
  results::durable::write_file(run.manifest(), "other");
  EXPECT_THAT(verify().damage, SizeIs(1));
  results::durable::write_file(run.manifest(), "now");
  results::durable::write_file(beside, config.substr(0, config.size() / 2));
  EXPECT_THAT(verify().damage, SizeIs(2)) << "a torn one says nothing";
}

TEST_F(VerifyTest, ReportsWhatAKillLeftWithoutCallingItDamage) {
  results::durable::write_file(run.path() + "/parts/e0001-g000/000002.h5", "x");
  results::RunDirectory::make_folder(run.loadings());
  results::durable::write_beside(run.loading(1), "{");
  const VerifyReport report = verify();
  EXPECT_EQ(report.exit_code(), 0);
  EXPECT_EQ(report.leftovers,
            (std::vector<std::string>{"loading/0001.json.tmp", "parts/e0001-g000/000002.h5"}));
}

}  // namespace
}  // namespace ditmill::jobs::run
