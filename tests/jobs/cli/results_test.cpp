#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "configs/error.h"
#include "jobs/cli/results/ls.h"
#include "jobs/cli/results/show.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/clips/export.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::cli {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Four items: item0 and item1 done, item2 failed, item3 left.
struct ResultsTest : ::testing::Test {
  ResultsTest() {
    run.create();
    for (int i = 0; i < 4; ++i) items.push_back(make_item(i, 20, 12, 3));
    write_requests(run, items);
    results::GroupStore store(run, 1, 0, {}, make_provenance());
    store.add(make_finished(items[0]));
    store.add(make_finished(items[1], true));
    store.seal(true);
    store.failed(items[2], 1, Error{Category::numeric, "\x1b[31mNaN"});
  }

  void expect_usage_error(const std::function<void()>& action, const std::string& words) {
    try {
      action();
      ADD_FAILURE() << "no error with " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::usage) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  }

  std::string list(bool as_json) const {
    std::ostringstream out;
    EXPECT_THAT(results_ls(run.path(), as_json, out).notes, IsEmpty());
    return out.str();
  }

  TempFolder folder;
  results::RunDirectory run{folder.path() + "/run"};
  std::vector<requests::Item> items;
};

TEST_F(ResultsTest, ListsEveryItemAndItsState) {
  EXPECT_EQ(list(false),
            "id     state   size   frames  seconds  part\n"
            "item0  done    20x12  3       -        parts/e0001-g000/000001.h5\n"
            "item1  done    20x12  3       -        parts/e0001-g000/000001.h5\n"
            "item2  failed  20x12  3       -        numeric: \\x1b[31mNaN\n"
            "item3  left    20x12  3       -\n"
            "4 items, 2 done, 1 failed, 1 left\n");
}

TEST_F(ResultsTest, ListsAsJsonWithNullWhereThereIsNothing) {
  const std::string text = list(true);
  const json listed = json::parse(text);
  EXPECT_EQ(text, listed.dump(2) + "\n");
  ASSERT_THAT(listed, SizeIs(4));
  EXPECT_EQ(listed[1]["id"], "item1");
  EXPECT_EQ(listed[1]["state"], "done");
  EXPECT_EQ(listed[1]["part"], "parts/e0001-g000/000001.h5");
  EXPECT_THAT(listed[1]["content"].get<std::string>(), SizeIs(32));
  EXPECT_EQ(listed[2]["reason"], "numeric: \x1b[31mNaN");
  EXPECT_TRUE(listed[2]["part"].is_null());
  EXPECT_EQ(listed[3]["state"], "left");
  EXPECT_TRUE(listed[3]["seconds"].is_null());
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(listed[i]["prompt"], items[i].request.prompt);
    EXPECT_EQ(listed[i]["seed"], items[i].request.seed);
  }
}

TEST_F(ResultsTest, TellsTheLogWhatIsWrongWithTheJournals) {
  std::ofstream(run.journal(1, 0), std::ios::app) << "{\"v\":1";
  std::ostringstream out;
  for (const bool as_json : {false, true}) {
    EXPECT_THAT(results_ls(run.path(), as_json, out).notes, ElementsAre(HasSubstr("torn")));
  }
  EXPECT_THAT(results_show(run.path(), "item0", false).notes, SizeIs(1));
}

TEST_F(ResultsTest, ShowsWhatIsKeptOfADoneItem) {
  const json shown = json::parse(results_show(run.path(), "item1", true).text);
  EXPECT_EQ(shown["state"], "done");
  EXPECT_EQ(shown["datasets"], (json{{"frames", {3, 12, 20, 3}}, {"latents", {4, 3, 2, 5}}}));
  EXPECT_EQ(shown["attributes"]["prompt"], "Prompt “1”");
  EXPECT_EQ(shown["attributes"]["seed"], 1);
  EXPECT_EQ(shown["attributes"]["metadata_json"]["shelf"], "a");
  EXPECT_EQ(shown["attributes"]["config_json"]["layer3_request"]["id"], "item1");
  const std::string text = results_show(run.path(), "item1", false).text;
  EXPECT_THAT(text, HasSubstr("state: done\n"));
  EXPECT_THAT(text, HasSubstr("\nprompt: Prompt “1”\n"));
  EXPECT_THAT(text, HasSubstr("\nframes shape: [3,12,20,3]\n"));
}

TEST_F(ResultsTest, ShowsWhatIsKnownOfAnItemThatIsNotDone) {
  const json failed = json::parse(results_show(run.path(), "item2", true).text);
  EXPECT_EQ(failed["state"], "failed");
  EXPECT_TRUE(failed["attributes"].is_null());
  EXPECT_THAT(results_show(run.path(), "item3", false).text, HasSubstr("state: left\n"));
}

TEST_F(ResultsTest, NamesTheNearestIdIfThereIsNoSuchItem) {
  expect_usage_error([&] { results_show(run.path(), "itme1", false); }, "did you mean item1?");
  expect_usage_error([&] { results_show(run.path(), "zebra", false); }, "results ls");
}

TEST_F(ResultsTest, SaysThatAFolderHoldsNoRun) {
  std::ostringstream out;
  EXPECT_THROW(results_ls(folder.path(), false, out), Error);
  EXPECT_THROW(results_ls(folder.path() + "/nowhere", true, out), Error);
}

TEST_F(ResultsTest, ExportsEveryFrameOfDoneItems) {
  const results::ResultsOutput output = run::results_export(
      {.run_directory = run.path(), .items = {}, .png_folder = folder.path() + "/a/b", .contact_sheet = {}});
  EXPECT_EQ(output.text, "6 frames of 2 items in " + folder.path() + "/a/b\n");
  EXPECT_THAT(files_below(folder.path() + "/a/b"),
              ElementsAre("item0/frame_0000.png", "item0/frame_0001.png", "item0/frame_0002.png",
                          "item1/frame_0000.png", "item1/frame_0001.png", "item1/frame_0002.png"));
}

TEST_F(ResultsTest, ExportsOnlyTheItemsThatAreNamed) {
  run::results_export({.run_directory = run.path(),
                       .items = {"item1"},
                       .png_folder = folder.path() + "/out",
                       .contact_sheet = folder.path() + "/sheets/one.png"});
  EXPECT_THAT(files_below(folder.path() + "/out"), SizeIs(3));
  EXPECT_GT(std::filesystem::file_size(folder.path() + "/sheets/one.png"), 1000U);
}

TEST_F(ResultsTest, ExportsWithoutAnIndexAndWhileTheRunIsAtWork) {
  ASSERT_FALSE(std::filesystem::exists(run.index()));
  results::GroupStore store(run, 2, 0, {}, make_provenance());
  store.start(items[3], 1);
  run::results_export({.run_directory = run.path(),
                       .items = {},
                       .png_folder = {},
                       .contact_sheet = folder.path() + "/s.png"});
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/s.png"));
}

TEST_F(ResultsTest, RefusesToExportWhatIsNotThere) {
  const auto with = [&](std::vector<std::string> ids) {
    return run::ExportOptions{.run_directory = run.path(),
                              .items = std::move(ids),
                              .png_folder = {},
                              .contact_sheet = folder.path() + "/sheet.png"};
  };
  expect_usage_error([&] { run::results_export(with({"item0", "item7"})); }, "item7");
  expect_usage_error([&] { run::results_export(with({"item2"})); }, "failed: numeric");
  expect_usage_error([&] { run::results_export(with({"item3"})); }, "left");
  expect_usage_error(
      [&] {
        run::results_export(
            {.run_directory = run.path(), .items = {}, .png_folder = {}, .contact_sheet = {}});
      },
      "--png DIR or --contact-sheet FILE");
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/sheet.png"));
}

TEST_F(ResultsTest, SaysWhichPartIsDamaged) {
  const std::string path = run.path() + "/" + results::RunDirectory::part(1, 0, 1);
  std::string bytes = results::durable::read_file(path);
  const std::vector<std::uint8_t> frames = frame_bytes(items[0]);
  const std::size_t at = bytes.find(std::string(frames.begin(), frames.begin() + 100));
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  results::durable::write_file(path, bytes);
  try {
    run::results_export({.run_directory = run.path(),
                         .items = {},
                         .png_folder = folder.path() + "/out",
                         .contact_sheet = {}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_THAT(error.what(), HasSubstr(path));
    EXPECT_THAT(error.hint(), HasSubstr("results verify"));
  }
}

TEST(ResultsExport, RefusesItemsThatKeptNoFrames) {
  const TempFolder folder;
  const results::RunDirectory run(folder.path() + "/run");
  run.create();
  const requests::Item item = make_item(0);
  write_requests(run, {item});
  results::GroupStore store(run, 1, 0, {}, make_provenance());
  results::FinishedItem finished = make_finished(item, true);
  finished.frames.clear();
  store.add(finished);
  store.seal(true);
  for (const std::vector<std::string>& ids :
       {std::vector<std::string>{"item0"}, std::vector<std::string>{}}) {
    EXPECT_THROW(run::results_export({.run_directory = run.path(),
                                      .items = ids,
                                      .png_folder = folder.path() + "/out",
                                      .contact_sheet = {}}),
                 Error);
  }
}

}  // namespace
}  // namespace ditmill::jobs::cli
