#include "jobs/results/listing/require_run.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "configs/error.h"
#include "configs/list_text.h"
#include "configs/shell_word.h"
#include "jobs/results/files/isolated.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/store/hdf5/h5_attribute.h"

namespace ditmill::jobs::results {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_runs_named = 5;

/// What a path is that is no run directory, and which to name.
struct Instead {
  std::string got;
  std::string hint;
};

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// Without its list it is a damaged one.
bool is_run(const fs::path& path) {
  const RunDirectory run{path.string()};
  return is_folder(path) &&
         (is_there(run.requests()) || (is_folder(run.journals()) && !journal_files(run).empty()));
}

/// The nearest run directory above, as the path says it; of links, where they lead.
std::optional<fs::path> run_above(const fs::path& path) {
  std::error_code error;
  for (const fs::path& from : {path, fs::weakly_canonical(path, error)}) {
    fs::path above = from;
    while (above.has_relative_path()) {
      above = above.parent_path();
      if (is_run(above.empty() ? "." : above)) return above.empty() ? "." : above;
    }
  }
  return std::nullopt;
}

std::vector<std::string> runs_in(const fs::path& folder) {
  std::vector<std::string> runs;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (is_run(at->path())) runs.push_back(at->path().lexically_normal().string());
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

std::string name_one_of(const std::vector<std::string>& runs) {
  if (runs.empty()) return "name a run directory: what output.path or --run-dir of `ditmill run` named";
  return "name a run directory: " + some_of(runs, max_runs_named, shell_word);
}

bool is_hdf5(const std::string& path) {
  static constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  std::string begin(signature.size(), ' ');
  std::ifstream(path, std::ios::binary).read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return begin == signature;
}

herr_t count_link(hid_t, const char*, const H5L_info_t* info, void* external) {
  if (info->type == H5L_TYPE_EXTERNAL) ++*static_cast<std::size_t*>(external);
  return 0;
}

/// {items, external}; null if it is no file of ditmill's.
nlohmann::json look_into(const std::string& path) {
  try {
    const h5::File file = h5::open_file(path);
    bool ours = false;
    for (const auto& [name, value] : h5::read_attributes(file.get(), path)) {
      ours = ours || (name == "software" && value == h5::Value{"ditmill"});
    }
    if (!ours) return nullptr;
    const h5::Group items = h5::open_group(file.get(), "items", path);
    H5G_info_t info{};
    h5::call<H5Gget_info>("look into a file", path, items.get(), &info);
    std::size_t external = 0;
    h5::call<H5Literate>("look into a file", path, items.get(), H5_INDEX_NAME, H5_ITER_INC,
                         static_cast<hsize_t*>(nullptr), count_link, static_cast<void*>(&external));
    return {{"items", info.nlinks}, {"external", external}};
  } catch (const Error&) {
    return nullptr;
  }
}

/// A file that lies in no run directory.
Instead lone_file(const std::string& path) {
  const std::string word = shell_word(path);
  if (path.ends_with(".yaml") || path.ends_with(".yml")) {
    return {"a manifest", "name the folder that its output.path, or --run-dir of `ditmill run`, named"};
  }
  std::string how;
  const std::optional<nlohmann::json> found =
      is_hdf5(path) ? isolated([&] { return look_into(path); }, how) : std::nullopt;
  if (!found || found->is_null()) return {"a file", name_one_of({})};
  if (found->at("external") > 0) {
    return {
        "an index away from its run directory, whose parts hold the frames",
        "name the run directory that it comes from; `ditmill results export RUN --h5 FILE` makes one file "
        "that holds the frames"};
  }
  return {
      "one HDF5 file that holds " + found->at("items").dump() + " items and their frames itself",
      "it needs no run directory: `python -c 'import h5py, sys; print(*h5py.File(sys.argv[1])[\"items\"])' " +
          word + "` lists it"};
}

std::string describe_within(const fs::path& within) {
  if (within == "results.h5") return "the index of one: the frames are in its parts";
  return within.string().starts_with("parts") ? "some parts of one" : "what is in one: " + within.string();
}

Instead look_at(const std::string& path) {
  fs::path place = fs::path(path + "/").lexically_normal().parent_path();
  if (place.empty()) place = ".";
  if (const std::optional<fs::path> run = run_above(place)) {
    std::error_code error;
    const fs::path within =
        fs::weakly_canonical(place, error).lexically_relative(fs::weakly_canonical(*run, error));
    return {is_there(place) ? describe_within(within) : "no such path",
            "name the run directory: " + shell_word(run->string())};
  }
  if (is_folder(place)) return {"a folder that is no run directory of ditmill", name_one_of(runs_in(place))};
  if (is_there(place)) return lone_file(place.string());
  const fs::path parent = place.has_parent_path() ? place.parent_path() : ".";
  return {"no run directory: there is no such path", name_one_of(runs_in(parent))};
}

}  // namespace

void require_run(const RunDirectory& run, const std::string& doing) {
  if (is_run(run.path())) return;
  if (is_there(run.submission())) {
    throw Error(Category::not_found, doing, Where{.file = run.requests()}, {}, {}, run.no_run_hint());
  }
  const Instead instead = look_at(run.path());
  throw Error(Category::not_found, doing, Where{.file = run.path()}, Expected{"a run directory of ditmill"},
              Got{instead.got}, instead.hint);
}

}  // namespace ditmill::jobs::results
