#include "jobs/results/files/epoch_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "jobs/results/files/durable.h"
#include "jobs/results/files/epoch_owner.h"

namespace ditmill::jobs::results {
namespace {

namespace fs = std::filesystem;

/// NNNN of NNNN.json; none for another name.
std::optional<int> epoch_number(const std::string& file_name) {
  int number = 0;
  const auto [end, error] = std::from_chars(file_name.data(), file_name.data() + file_name.size(), number);
  if (error != std::errc() || number <= 0) return std::nullopt;
  if (std::string_view(end, file_name.data() + file_name.size()) != ".json") return std::nullopt;
  return number;
}

}  // namespace

int newest_epoch(const RunDirectory& run) {
  int newest = 0;
  std::error_code error;
  for (fs::directory_iterator at(run.epochs(), error), end; !error && at != end; at.increment(error)) {
    newest = std::max(newest, epoch_number(at->path().filename().string()).value_or(0));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw system_error(error.value(), "list the epochs", Where{.file = run.epochs()});
  }
  return newest;
}

bool superseded(const RunDirectory& run, int number) { return newest_epoch(run) > number; }

Error taken_over(const RunDirectory& run, int number, const std::string& doing) {
  const int newest = newest_epoch(run);
  std::string owner = "an unknown process";
  try {
    owner = describe(owner_from_text(durable::read_file(run.epoch(newest))));
  } catch (const Error&) {
    // Its number says enough.
  }
  return {Category::io,
          doing + ": another run has taken over",
          Where{.file = run.path()},
          Expected{"epoch " + std::to_string(number)},
          Got{"epoch " + std::to_string(newest) + " of " + owner},
          "this run stops; what it acknowledged is kept, the rest is done again by the other"};
}

}  // namespace ditmill::jobs::results
