#include "jobs/run/frozen/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/run/frozen/frozen_files.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::jobs::run {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

nlohmann::json identity(int steps = 8, const std::string& digest = "sha256:01") {
  configs::PipelineConfig pipeline;
  pipeline.steps = steps;
  return requests::job_identity({{.name = "transformer", .key_hash = "aa", .digest = digest}}, pipeline);
}

requests::Item item(const std::string& id, const std::string& prompt,
                    const nlohmann::json& job = identity()) {
  requests::Item made;
  made.request.id = id;
  made.request.prompt = prompt;
  made.key = requests::item_key(job, made.request);
  return made;
}

std::vector<std::string> ids(const requests::ItemList& items) {
  std::vector<std::string> texts;
  for (const requests::PackedItem& each : items.packed()) texts.emplace_back(each.id);
  return texts;
}

class ResumeTest : public testing::Test {
 protected:
  void freeze(const requests::ItemList& items, const nlohmann::json& job = identity()) const {
    publish_frozen(run_, "", write_requests_beside(run_, items), {{"version", "1.0"}, {identity_field, job}});
  }
  Reconciled resume(requests::ItemList current, const nlohmann::json& job = identity(),
                    bool drop = false) const {
    return reconcile(run_, read_frozen_job(run_).value(), job, std::move(current), drop);
  }
  /// The messages that a resume is refused with.
  std::vector<std::string> refusal(requests::ItemList current, const nlohmann::json& job = identity()) const {
    try {
      resume(std::move(current), job);
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::usage);
      std::vector<std::string> texts;
      for (const Problem& problem : error.problems()) texts.push_back(describe(problem));
      return texts;
    }
    ADD_FAILURE() << "resumed";
    return {};
  }
  /// What reading a requests.jsonl of that text is refused with.
  std::string damage(std::string_view text) const {
    folder_.write("requests.jsonl", text);
    try {
      read_frozen_job(run_);
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), Category::bad_input);
      return error.what();
    }
    ADD_FAILURE() << "read: " << text;
    return {};
  }

  tests::TempFolder folder_;
  results::RunDirectory run_{folder_.path()};
};

TEST_F(ResumeTest, NothingIsFrozenInANewRunDirectory) { EXPECT_FALSE(read_frozen_job(run_).has_value()); }

TEST_F(ResumeTest, FrozenItemsComeBackWhole) {
  requests::Item first = item("a", "caf\xc3\xa9 \"q\"\n\xe2\x80\xa8");
  first.request.seed = 9223372036854775807;
  first.request.fps = 12.5;
  first.metadata = R"({"n":123456789012345678901234567890,"s":"\u0000"})";
  freeze({first, item("b", "y")});
  const FrozenJob frozen = read_frozen_job(run_).value();
  EXPECT_EQ(frozen.identity, identity());
  ASSERT_EQ(frozen.items.size(), 2u);
  EXPECT_EQ(frozen.items[0].request, first.request);
  EXPECT_EQ(frozen.items[0].metadata, first.metadata);
  EXPECT_EQ(frozen.items[0].key, first.key);
  EXPECT_EQ(frozen.items[1].line, 2);
  EXPECT_FALSE(std::filesystem::exists(run_.requests() + ".tmp"));
}

TEST_F(ResumeTest, EachLineSaysIdKeyRequestAndMetadata) {
  freeze({item("a", "x")});
  const nlohmann::json line = nlohmann::json::parse(results::durable::read_file(run_.requests()));
  EXPECT_EQ(line.size(), 4u);
  EXPECT_EQ(line.at("id"), "a");
  EXPECT_EQ(line.at("key"), item("a", "x").key);
  EXPECT_EQ(requests::request_from_json(line.at("request")), item("a", "x").request);
  EXPECT_EQ(line.at("metadata"), nlohmann::json::object());
}

TEST_F(ResumeTest, SameItemsGoOnAsTheyAre) {
  freeze({item("b", "x"), item("a", "y")});
  const Reconciled result = resume({item("a", "y"), item("b", "x")});
  EXPECT_THAT(ids(result.items), ElementsAre("b", "a"));
  EXPECT_THAT(result.notes, IsEmpty());
}

TEST_F(ResumeTest, NewIdsAreAppended) {
  freeze({item("b", "x"), item("a", "y")});
  const Reconciled result = resume({item("n", "1"), item("a", "y"), item("m", "2"), item("b", "x")});
  EXPECT_THAT(ids(result.items), ElementsAre("b", "a", "n", "m"));
  EXPECT_THAT(result.notes, ElementsAre("2 items appended to the job: n, m"));
}

TEST_F(ResumeTest, OtherPromptIsRefusedNamingIt) {
  freeze({item("a", "x"), item("b", "y"), item("c", "z")});
  requests::Item other = item("b", "y");
  other.request.prompt = "yy";
  other.request.seed = 43;
  other.key = requests::item_key(identity(), other.request);
  EXPECT_THAT(
      refusal({item("a", "x"), other, item("c", "z")}),
      ElementsAre(
          run_.requests() +
          ":2: 1 item of this run directory differs from the one asked for: b; what differs: prompt, "
          "seed; put back what was and add what is new under ids of its own, or take another --run-dir "
          "(expected prompt \"y\", seed 42, got prompt \"yy\", seed 43)"));
}

TEST_F(ResumeTest, OtherPipelineIsRefusedNamingFieldsAndFiveIds) {
  requests::ItemList frozen;
  requests::ItemList current;
  const nlohmann::json now = identity(9, "sha256:02");
  for (int i = 0; i < 12; ++i) {
    frozen.add(item("i" + std::to_string(i), "x"));
    current.add(item("i" + std::to_string(i), "x", now));
  }
  freeze(frozen);
  EXPECT_THAT(refusal(std::move(current), now),
              ElementsAre(AllOf(HasSubstr("12 items"), HasSubstr(": i0, i1, i2, i3, i4 and 7 more; "),
                                HasSubstr("what differs: components.dit.digest, steps;"),
                                HasSubstr("expected components.dit.digest \"sha256:01\", steps 8"),
                                HasSubstr("got components.dit.digest \"sha256:02\", steps 9"))));
}

TEST_F(ResumeTest, UnknownIdentityIsAdmitted) {
  const nlohmann::json now = identity(9);
  freeze({item("a", "x")}, identity(7));  // a start that died between two files
  EXPECT_THAT(refusal({item("a", "x", now)}, now), ElementsAre(HasSubstr("config.json does not say")));
  folder_.write("config.json", "{");
  EXPECT_THAT(refusal({item("a", "x", now)}, now), ElementsAre(HasSubstr("config.json does not say")));
  std::filesystem::remove(run_.config());
  EXPECT_THAT(refusal({item("a", "z", now)}, now),
              ElementsAre(AllOf(HasSubstr("what differs: prompt, and maybe"), HasSubstr("config.json"))));
}

/// A list without ids.
requests::ItemList numbered(const std::vector<std::string>& prompts, const nlohmann::json& job = identity()) {
  requests::ItemList items;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    items.add(item("00000" + std::to_string(i), prompts[i], job));
  }
  return items;
}

TEST_F(ResumeTest, LinesThatMovedShiftIdsThatArePositions) {
  freeze(numbered({"a", "b", "c", "b"}));
  const std::vector<std::vector<std::string>> lists{{"new", "a", "b", "c", "b"},
                                                    {"a", "new", "b", "c", "b"},
                                                    {"b", "c", "b"},
                                                    {"b", "a", "c", "b"},
                                                    {"x", "a", "b", "z", "b"}};
  for (const std::vector<std::string>& list : lists) {
    EXPECT_THAT(
        refusal(numbered(list)).front(),
        AllOf(HasSubstr("a line put on top"), HasSubstr("shifts"), HasSubstr("append new lines at the end"),
              HasSubstr(R"({"id": "00000)"), HasSubstr("another --run-dir")))
        << testing::PrintToString(list);
  }
  EXPECT_THAT(refusal(numbered({"b", "c", "b"})).back(),
              AllOf(HasSubstr("put it back where it was"), Not(HasSubstr("--drop"))));
}

TEST_F(ResumeTest, AMendedLineShiftsNothing) {
  freeze(numbered({"a", "b", "c", "b"}));
  for (const auto& list : std::vector<std::vector<std::string>>{
           {"A", "b", "c", "b"}, {"a", "c", "c", "b"}, {"x", "y", "z", "b"}}) {
    EXPECT_THAT(refusal(numbered(list)),
                ElementsAre(AllOf(HasSubstr("append what is new at the end"), Not(HasSubstr("on top")))))
        << testing::PrintToString(list);
  }
  EXPECT_THAT(
      refusal(numbered({"a", "b", "c", "b"}, identity(9)), identity(9)),
      ElementsAre(AllOf(HasSubstr("what differs: steps; put back what was, or take another --run-dir"))));
}

TEST_F(ResumeTest, GivenIdsDoNotShift) {
  freeze({item("a", "x"), item("b", "y"), item("7", "z")});
  EXPECT_THAT(refusal({item("a", "y"), item("b", "x"), item("7", "x")}),
              ElementsAre(AllOf(HasSubstr("under ids of its own"), Not(HasSubstr("on top")))));
}

TEST_F(ResumeTest, ARefusalLeavesTheListAsItWas) {
  freeze({item("a", "x")});
  requests::ItemList current{item("a", "other"), item("b", "y")};
  EXPECT_THROW(reconcile(run_, read_frozen_job(run_).value(), identity(), std::move(current), false), Error);
  EXPECT_THAT(ids(current), ElementsAre("a", "b"));  // NOLINT(bugprone-use-after-move): that is the promise
}

TEST_F(ResumeTest, VanishedIdsAreRefusedOrDropped) {
  freeze({item("a", "x"), item("b", "y"), item("c", "z")});
  EXPECT_THAT(
      refusal({item("b", "y")}),
      ElementsAre(run_.requests() + ": 2 items of this run directory are not in the list any more: a, c; put "
                                    "them back, or give --drop to forget them"));
  const Reconciled result = resume({item("d", "w"), item("b", "y")}, identity(), true);
  EXPECT_THAT(ids(result.items), ElementsAre("b", "d"));
  EXPECT_THAT(result.notes,
              ElementsAre("1 item appended to the job: d", "2 items dropped from the job: a, c"));
}

TEST_F(ResumeTest, DropDoesNotExcuseOtherKeys) {
  freeze({item("a", "x"), item("b", "y")});
  EXPECT_THROW(resume({item("a", "changed")}, identity(), true), Error);
  EXPECT_EQ(refusal({item("a", "changed")}).size(), 2u);
}

TEST_F(ResumeTest, WhatIsNotInTheKeyMayChange) {
  freeze({item("a", "x"), item("b", "y")});
  requests::Item slower = item("a", "x");
  slower.request.fps = 8;
  requests::Item tagged = item("b", "y");
  tagged.metadata = R"({"tag":1})";
  const Reconciled result = resume({slower, tagged});
  EXPECT_THAT(result.notes, ElementsAre("1 item with another fps than before; those done keep theirs: a",
                                        "1 item with other metadata than before; those done keep theirs: b"));
  EXPECT_EQ(result.items[0].request.fps, 8);
  EXPECT_EQ(result.items[1].metadata, R"({"tag":1})");
}

TEST_F(ResumeTest, DamagedRequestsNameTheLine) {
  freeze({item("a", "x"), item("b", "y")});
  const std::string good = results::durable::read_file(run_.requests());
  const std::string second = good.substr(good.find('\n') + 1);
  const auto with = [&](std::string_view what, std::string_view by) {
    std::string line = second;
    line.replace(line.find(what), what.size(), by);
    return good.substr(0, good.find('\n') + 1) + line;
  };
  EXPECT_THAT(damage(good.substr(0, good.size() - 1)),
              AllOf(HasSubstr("requests.jsonl:2"), HasSubstr("torn")));
  EXPECT_THAT(damage(good.substr(0, good.size() - 9)), HasSubstr("requests.jsonl:2"));
  EXPECT_THAT(damage(good + second), AllOf(HasSubstr("requests.jsonl:3"), HasSubstr("the id b again")));
  EXPECT_THAT(damage(good + "\n"), AllOf(HasSubstr("requests.jsonl:3"), HasSubstr("expected a JSON object")));
  EXPECT_THAT(damage("a cat\n"), HasSubstr("requests.jsonl:1"));
  EXPECT_THAT(damage(with(R"("id":"b")", R"("id":"c")")), HasSubstr("requests.jsonl:2"));
  EXPECT_THAT(damage(with(R"("key":")", R"("key":"x)")), HasSubstr("a key of 64 digits"));
  EXPECT_THAT(damage(with(R"("key")", R"("kex")")), HasSubstr("a field key"));
  EXPECT_THAT(damage(with(R"("seed":42)", R"("seed":-42)")), HasSubstr("requests.jsonl:2"));
  EXPECT_THAT(damage(with(R"("metadata":{})", R"("metadata":1)")), HasSubstr("requests.jsonl:2"));
  EXPECT_THAT(damage(with(R"("metadata":{})", R"("metadata":{},"x":1)")), HasSubstr("further fields"));
  EXPECT_THAT(damage(with(R"("fps":16.0)", R"("fps":1e999)")), HasSubstr("requests.jsonl:2"));
}

TEST(PendingItems, AreThoseNeitherDoneNorGivenUp) {
  results::JournalState journals;
  const auto says = [&journals](const requests::Item& of, results::Event event, int attempts) {
    journals.by_key.take(1, {.event = event, .key = of.key, .attempt = attempts});
  };
  const requests::ItemList items{item("new", "1"),
                                 item("done", "2"),
                                 item("failed", "3"),
                                 item("bad", "4"),
                                 item("started", "5"),
                                 item("stopped", "6"),
                                 item("other-name-of-done", "2")};
  says(items[1], results::Event::done, 1);
  says(items[2], results::Event::failed, 2);
  says(items[3], results::Event::quarantined, 3);
  says(items[4], results::Event::start, 1);
  says(items[5], results::Event::stopped, 4);
  const auto pending = [&](const Retry& retry) {
    std::vector<std::string> texts;
    for (const PendingItem& each : pending_items(items, journals, retry)) {
      texts.push_back(items[each.item].request.id + " " + std::to_string(each.attempt));
    }
    return texts;
  };
  EXPECT_THAT(pending({}), ElementsAre("new 1", "started 2", "stopped 5"));
  EXPECT_THAT(pending({.failed = true}), ElementsAre("new 1", "failed 3", "started 2", "stopped 5"));
  EXPECT_THAT(pending({.quarantined = true}), ElementsAre("new 1", "bad 4", "started 2", "stopped 5"));
}

}  // namespace
}  // namespace ditmill::jobs::run
