// Processes that write results are killed at random moments, again and again, on one run directory. What they
// acknowledged must be there, whole, and nothing else may stay behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "jobs/results/files/durable.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/store/index.h"
#include "jobs/results/store/part_reader.h"
#include "jobs/run/epoch.h"
#include "tests/jobs/run_folder.h"

namespace ditmill::jobs::run {
namespace {

constexpr int item_count = 100'000;

std::uint64_t test_seed() {
  const char* given = std::getenv("DITMILL_TEST_SEED");
  return given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
}

/// Stores the items from `first` on, telling each one that is acknowledged through the pipe, until it is
/// killed.
[[noreturn]] void write_until_killed(const results::RunDirectory& run, int first, int items_per_part,
                                     int pipe_end) {
  try {
    const Epoch epoch(run, {});
    results::OutputConfig output;
    output.items_per_part = items_per_part;
    results::GroupStore store(run, epoch.number(), 0, output, make_provenance());
    for (int i = first; i < item_count; ++i) {
      const requests::Item item = make_item(i, 8, 8, 2);
      store.start(item, 1);
      for (const results::Acknowledged& done : store.add(make_finished(item))) {
        const std::string line = done.item + "\n";
        if (::write(pipe_end, line.data(), line.size()) < 0) ::_exit(2);
      }
      if (i % 16 == 0) results::write_index(run, results::read_journals(run), {{"version", "1"}});
    }
    ::_exit(3);
  } catch (const Error& error) {
    const std::string line = std::string("error ") + error.what() + "\n";
    [[maybe_unused]] const auto written = ::write(pipe_end, line.data(), line.size());
    ::_exit(4);
  }
}

/// When a writer is killed: so long after it began, or after it acknowledged so many items.
struct Kill {
  int after_items = 0;
  std::chrono::microseconds wait{};
};

/// Waits until a pipe has given so many lines, or has ended; what it gave. Fails after a minute without any.
std::string lines_from(int pipe_end, int count) {
  std::string said;
  while (std::count(said.begin(), said.end(), '\n') < count) {
    pollfd more{.fd = pipe_end, .events = POLLIN, .revents = 0};
    char buffer[4096];
    const ssize_t got = ::poll(&more, 1, 60'000) == 1 ? ::read(pipe_end, buffer, sizeof buffer) : 0;
    EXPECT_GT(got, 0) << "nothing was acknowledged in a minute";
    if (got <= 0) break;
    said.append(buffer, static_cast<std::size_t>(got));
  }
  return said;
}

/// What a writer said before it was killed.
std::vector<std::string> acknowledged_until_kill(const results::RunDirectory& run, int first,
                                                 int items_per_part, const Kill& kill) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) write_until_killed(run, first, items_per_part, ends[1]);
  ::close(ends[1]);
  std::string said = lines_from(ends[0], kill.after_items);
  ::usleep(static_cast<useconds_t>(kill.wait.count()));
  ::kill(child, SIGKILL);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < said.size();) {
    const std::size_t end = said.find('\n', at);
    if (end == std::string::npos) break;
    lines.push_back(said.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(Crash, LosesNoAcknowledgedItemAndLeavesNothingThatARestartCannotClean) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("DITMILL_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const TempFolder folder;
  const results::RunDirectory run(folder.path() + "/run");
  run.create();
  write_requests(run, {make_item(0, 8, 8, 2)});

  std::set<std::string> acknowledged;
  for (int kill = 0; kill < 60; ++kill) {
    // Items overlap between starts, as where a run was killed before it could read its journal; most starts
    // come beyond them.
    const int overlap = std::min(static_cast<int>(acknowledged.size()), 3);
    const Kill when{.after_items = kill % 3 != 0 ? overlap + 1 : 0,
                    .wait = std::chrono::microseconds(std::uniform_int_distribution<int>(0, 60'000)(random))};
    const int items_per_part = 1 + static_cast<int>(random() % 4);
    const int first = static_cast<int>(acknowledged.size()) - overlap;
    for (const std::string& id : acknowledged_until_kill(run, first, items_per_part, when)) {
      ASSERT_FALSE(id.starts_with("error")) << id;
      acknowledged.insert(id);
    }
  }
  RecordProperty("acknowledged", static_cast<int>(acknowledged.size()));
  ASSERT_GE(acknowledged.size(), 40U);

  const Epoch last(run, {});
  const results::JournalState state = results::read_journals(run);
  for (const results::JournalReport& report : state.reports)
    EXPECT_THAT(report.message, ::testing::HasSubstr("torn"));
  EXPECT_THAT(state.missing_parts, ::testing::IsEmpty());
  std::set<std::string> named_parts;
  std::map<std::string, results::Record> done;
  for (const results::JournalFile& file : results::journal_files(run)) {
    std::vector<results::JournalReport> ignored;
    results::for_each_record(file.path, ignored, [&](const results::Record& record) {
      const results::ItemState item = state.by_key.at(record.key);
      if (item.event == results::Event::done) done[record.item] = item.record;
    });
  }
  for (const std::string& id : acknowledged) {
    ASSERT_TRUE(done.contains(id)) << id << " was acknowledged and is lost";
  }
  for (const auto& [id, record] : done) {
    const results::PartReader part(run.path() + "/" + record.part);
    EXPECT_EQ(part.content(id), record.content) << id;
    const requests::Item item = make_item(std::stoi(id.substr(4)), 8, 8, 2);
    EXPECT_EQ(part.frames(id), frame_bytes(item)) << id;
  }
  for (const results::JournalFile& file : results::journal_files(run)) {
    std::vector<results::JournalReport> ignored;
    for (const results::Record& record :
         results::parse_journal(results::durable::read_file(file.path), file.path, ignored)) {
      if (record.event == results::Event::done) named_parts.insert(record.part);
    }
  }
  for (const std::string& file : files_below(run.path())) {
    EXPECT_FALSE(file.ends_with(".tmp")) << file;
    EXPECT_TRUE(!file.starts_with("parts/") || named_parts.contains(file)) << file << " is nobody's";
  }
}

}  // namespace
}  // namespace ditmill::jobs::run
