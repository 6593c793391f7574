#include "jobs/results/store/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/writer.h"
#include "jobs/results/listing/listing.h"
#include "jobs/results/store/hdf5/h5_attribute.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::results {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct IndexTest : ::testing::Test {
  IndexTest() { run.create(); }

  void store(const std::vector<requests::Item>& items, int epoch = 1) {
    GroupStore store(run, epoch, 0, {}, make_provenance());
    for (const requests::Item& item : items) store.add(make_finished(item));
    store.seal(true);
  }
  void write() { write_index(run, read_journals(run), {{"version", "1"}}); }
  std::vector<std::string> linked() const {
    const h5::File file = h5::open_file(run.index());
    const h5::Group items = h5::open_group(file.get(), "items", run.index());
    std::vector<std::string> names;
    const auto take = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
      static_cast<std::vector<std::string>*>(out)->emplace_back(name);
      return 0;
    };
    H5Literate(items.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, take, &names);
    return names;
  }
  std::size_t list_size(const char* attribute) const {
    const h5::File file = h5::open_file(run.index());
    const h5::Attribute opened(H5Aopen(file.get(), attribute, H5P_DEFAULT));
    const h5::Space space(H5Aget_space(opened.get()));
    return static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get()));
  }

  TempFolder folder;
  RunDirectory run{folder.path() + "/run"};
};

TEST_F(IndexTest, IsReplacedAsAWhole) {
  const requests::Item first = make_item(1);
  const requests::Item second = make_item(2);
  write_requests(run, {first, second});
  write();
  EXPECT_THAT(linked(), SizeIs(0));
  EXPECT_EQ(list_size("left_items"), 2U);
  store({first, second});
  write();
  EXPECT_THAT(linked(), ElementsAre("item1", "item2"));
  EXPECT_EQ(list_size("left_items"), 0U);
  EXPECT_FALSE(std::filesystem::exists(run.index() + ".tmp"));
}

TEST_F(IndexTest, LeavesOutItemsThatAreNoLongerInTheList) {
  store({make_item(1), make_item(2)});
  write_requests(run, {make_item(2)});
  write();
  EXPECT_THAT(linked(), ElementsAre("item2"));
}

TEST_F(IndexTest, NamesPartsThatAreGone) {
  const requests::Item item = make_item(1);
  write_requests(run, {item});
  store({item});
  std::filesystem::remove(run.path() + "/" + RunDirectory::part(1, 0, 1));
  write();
  EXPECT_THAT(linked(), SizeIs(0));
  EXPECT_EQ(list_size("missing_parts"), 1U);
  EXPECT_EQ(list_size("left_items"), 1U);
}

TEST_F(IndexTest, KeepsTheOldOneIfTheListCannotBeRead) {
  write_requests(run, {make_item(1)});
  write();
  const std::string before = durable::read_file(run.index());
  for (const char* line :
       {"{\"id\":\"a\"}", "[]", "{\"id\":\"a\",\"key\":\"k\",\"request\":7}", "{\"id\":\"a\""}) {
    write_requests(run, {make_item(1)});
    std::ofstream(run.requests(), std::ios::app) << line << "\n";
    try {
      write();
      ADD_FAILURE() << line;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      EXPECT_THAT(error.what(), HasSubstr("requests.jsonl:2"));
    }
    EXPECT_EQ(durable::read_file(run.index()), before);
  }
}

TEST_F(IndexTest, HoldsManyMoreItemsThanAnAttributeHoldsBytes) {
  std::vector<requests::Item> items;
  for (int i = 0; i < 12'000; ++i) items.push_back(make_item(i));
  write_requests(run, items);
  std::ofstream(run.path() + "/" + "parts/x.h5") << "1234";
  {
    JournalWriter journal(run.journal(1, 0));
    std::vector<Record> records;
    for (std::size_t i = 0; i < 6'000; ++i) {
      records.push_back({.event = Event::done,
                         .item = items[i].request.id,
                         .key = items[i].key,
                         .part = "parts/x.h5",
                         .part_bytes = 4});
    }
    journal.append(records);
  }
  write();
  EXPECT_THAT(linked(), SizeIs(6'000));
  EXPECT_EQ(list_size("left_items"), 6'000U);
}

TEST(Listing, SaysWhatBecameOfEachItem) {
  const TempFolder folder;
  const RunDirectory run(folder.path());
  run.create();
  std::vector<requests::Item> items;
  for (int i = 0; i < 5; ++i) items.push_back(make_item(i, 8, 4, 2));
  write_requests(run, items);
  JournalState state;
  const auto add = [&](int i, Event event, double time) {
    Record record{.time = 10, .key = items[static_cast<std::size_t>(i)].key, .attempt = i + 1};
    state.by_key.take(1, record);
    record = {
        .time = time, .event = event, .key = record.key, .attempt = i + 1, .part = "p", .reason = "why"};
    state.by_key.take(2, record);
  };
  add(0, Event::done, 12.5);
  add(1, Event::failed, 11);
  add(2, Event::quarantined, 9);
  add(3, Event::stopped, 11);
  const std::vector<ListedItem> listed = list_items(run, state);
  ASSERT_THAT(listed, SizeIs(5));
  const std::vector<ItemOutcome> outcomes = {ItemOutcome::done, ItemOutcome::failed, ItemOutcome::quarantined,
                                             ItemOutcome::left, ItemOutcome::left};
  for (std::size_t i = 0; i < listed.size(); ++i) EXPECT_EQ(listed[i].outcome, outcomes[i]) << i;
  EXPECT_EQ(listed[0].seconds, 2.5);
  EXPECT_EQ(listed[2].seconds, 0) << "a clock that went back";
  EXPECT_EQ(listed[1].reason, "why");
  EXPECT_EQ(listed[3].attempts, 4);
  EXPECT_EQ(listed[0].width, 8);
  EXPECT_EQ(listed[0].height, 4);
  EXPECT_EQ(listed[0].frames, 2);
}

TEST(Listing, SaysThatAFolderIsNoRunDirectory) {
  const TempFolder folder;
  try {
    list_items(RunDirectory(folder.path()), {});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::not_found);
    EXPECT_THAT(error.what(), HasSubstr("no run directory of ditmill"));
  }
}

}  // namespace
}  // namespace ditmill::jobs::results
