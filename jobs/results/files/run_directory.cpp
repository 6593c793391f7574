#include "jobs/results/files/run_directory.h"

#include <filesystem>
#include <system_error>

#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

constexpr int parts_per_folder = 1000;

std::string padded(int value, std::size_t digits) {
  std::string text = std::to_string(value);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return text;
}

std::string stem(int epoch, int group) { return "e" + padded(epoch, 4) + "-g" + padded(group, 3); }

}  // namespace

std::string RunDirectory::epoch(int epoch) const { return epochs() + "/" + padded(epoch, 4) + ".json"; }

std::string RunDirectory::loading(int epoch) const { return loadings() + "/" + padded(epoch, 4) + ".json"; }

std::string RunDirectory::spool(int epoch) const { return spools() + "/e" + padded(epoch, 4); }

std::string RunDirectory::status(int epoch) const { return statuses() + "/e" + padded(epoch, 4); }

std::string RunDirectory::shard(int index) const { return shards() + "/" + padded(index, 4); }

std::optional<std::string> RunDirectory::told_to_stop() const {
  if (std::filesystem::exists(stop_file())) return stop_file();
  const std::filesystem::path shards = std::filesystem::weakly_canonical(path_).parent_path();
  const RunDirectory array{shards.parent_path().string()};
  const bool told = array.shards() == shards.string() && std::filesystem::exists(array.stop_file());
  return told ? std::optional{array.stop_file()} : std::nullopt;
}

std::string RunDirectory::no_run_hint() const {
  if (!std::filesystem::exists(submission())) return path_ + " is no run directory of ditmill";
  const bool array = std::filesystem::exists(shards());
  return "ditmill status " + path_ +
         (array ? " says what keeps the array from being merged" : " says whether its job has begun");
}

std::string RunDirectory::journal(int epoch, int group) const {
  return journals() + "/" + stem(epoch, group) + ".jsonl";
}

std::string RunDirectory::part(int epoch, int group, int number) {
  const int folder = (number - 1) / parts_per_folder;
  const std::string suffix = folder == 0 ? "" : "-" + padded(folder, 2);
  return "parts/" + stem(epoch, group) + suffix + "/" + padded(number, 6) + ".h5";
}

void RunDirectory::create() const {
  for (const std::string& folder : {path_, epochs(), journals(), parts(), logs()}) make_folder(folder);
}

void RunDirectory::make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw system_error(error.value(), "make a folder of the run directory", Where{.file = folder});
}

}  // namespace ditmill::jobs::results
