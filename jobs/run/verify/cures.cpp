#include "jobs/run/verify/cures.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "configs/shell_word.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/files/run_again.h"
#include "registry/identity/folder_names.h"

namespace ditmill::jobs::run {
namespace {

namespace fs = std::filesystem;

constexpr const char* index_name = "results.h5";

/// What is damaged, by the file that it is in.
struct Damaged {
  std::set<std::string> parts;
  std::map<std::string, std::set<int>> journals;  ///< lines
  std::set<std::string> others;
};

Damaged sort_out(const std::vector<Damage>& damage) {
  Damaged damaged;
  for (const Damage& each : damage) {
    if (each.file.starts_with("parts/")) {
      damaged.parts.insert(each.file);
    } else if (each.file.starts_with("journal/")) {
      damaged.journals[each.file].insert(each.line);
    } else {
      damaged.others.insert(each.file);
    }
  }
  return damaged;
}

class Cures {
 public:
  explicit Cures(const results::RunDirectory& run) : run_(run), array_(registry::is_there(run.shards())) {}

  std::vector<std::string> of(const Damaged& damaged) {
    const bool list = damaged.others.contains("requests.jsonl");
    for (const std::string& part : damaged.parts) move(part, "the part");
    for (const auto& [journal, lines] : damaged.journals) take_out(journal, lines);
    if (list) move("requests.jsonl", "the list");
    const bool index = damaged.others.contains(index_name);
    if (index && fs::is_directory(fs::symlink_status(run_.index()))) move(index_name, "the folder");
    const bool alone =
        index && damaged.others.size() == 1 && damaged.parts.empty() && damaged.journals.empty();
    if (!alone) go_on(list, damaged.others.contains("manifest.yaml"));
    if (index) cures_.push_back((alone ? "all parts are whole: " : "then ") + index_cure(run_));
    return std::move(cures_);
  }

 private:
  std::string word(const std::string& name) const { return shell_word(run_.path() + "/" + name); }

  /// Out of where a start would take it for its own, under a name that no other has.
  void move(const std::string& file, const std::string& what) {
    if (!registry::is_there(run_.path() + "/" + file)) return;  // a lost part
    std::string name = file;
    std::replace(name.begin(), name.end(), '/', '-');
    cures_.push_back("move " + what + " away: `mkdir -p " + word("damaged") + " && mv --backup=numbered " +
                     word(file) + " " + word("damaged/" + name) + "`");
  }

  void take_out(const std::string& journal, const std::set<int>& lines) {
    std::string script;
    for (const int line : lines) script += (script.empty() ? "" : ";") + std::to_string(line) + "d";
    cures_.push_back("take the damaged lines out: `sed -i '" + script + "' " + word(journal) + "`");
  }

  /// Whether the job's list is this very file: then there is no other.
  bool is_own_list() const {
    return registry::is_there(run_.manifest()) &&
           results::durable::read_file(run_.manifest())
                   .find(fs::absolute(run_.requests()).lexically_normal().string()) != std::string::npos;
  }

  void go_on(bool list, bool manifest) {
    if (array_) {
      cures_.push_back("do the same for its shards: `for shard in " + word("shards") +
                       "/*; do ditmill results verify \"$shard\"; done` says what there is to do");
      cures_.push_back("then merge again: `ditmill results merge " + word("shards") + "/* --out " +
                       shell_word(run_.path()) + "`");
    } else if (list && is_own_list()) {
      cures_.emplace_back("the list was made by a merge: merge its runs again, into another --out");
    } else {
      cures_.push_back("then run the job again as it was started, or by " +
                       (manifest ? results::run_with_own_manifest(run_) : results::run_again(run_)) +
                       ": it makes anew what is missing, and keeps all else");
    }
  }

  const results::RunDirectory& run_;
  bool array_;
  std::vector<std::string> cures_;
};

}  // namespace

std::vector<std::string> cures(const results::RunDirectory& run, const std::vector<Damage>& damage) {
  if (damage.empty()) return {};
  return Cures{run}.of(sort_out(damage));
}

std::string index_cure(const results::RunDirectory& run) {
  return "write results.h5 anew: `ditmill results index --rebuild " + shell_word(run.path()) + "`";
}

void rethrow_with_cure(const Error& error, const results::RunDirectory& run) {
  const bool stored = error.category() == Category::bad_input || error.category() == Category::not_found;
  if (!stored || !error.hint().empty() || !error.where().file.starts_with(run.path() + "/")) throw error;
  throw Error(error.with({.hint = results::see_verify(run)}));
}

}  // namespace ditmill::jobs::run
