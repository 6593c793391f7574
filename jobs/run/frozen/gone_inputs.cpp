#include "jobs/run/frozen/gone_inputs.h"

#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "configs/error.h"
#include "jobs/requests/items/item.h"
#include "jobs/requests/list/prompt_list.h"
#include "jobs/results/journal/reader.h"
#include "jobs/results/listing/frozen_lines.h"
#include "jobs/run/frozen/kept_inputs.h"

namespace ditmill::jobs::run {
namespace {

bool is_done(const results::JournalState& journals, std::string_view key) {
  const std::optional<results::ItemState> state = journals.by_key.find(key);
  return state && state->outcome() == results::ItemOutcome::done;
}

bool can_be_read(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace

std::map<std::string, GoneInputs::Seen, std::less<>> GoneInputs::read() const {
  std::map<std::string, Seen, std::less<>> seen;
  try {
    std::optional<results::FrozenLines> lines =
        results::FrozenLines::open(run_.requests(), "look for what became of a file");
    if (!lines) return seen;
    const results::JournalState journals = results::read_journals(run_);
    while (lines->next()) {
      const requests::Item item = lines->item();
      for (const auto& [field, value] : item.request.more) {
        const auto* file = std::get_if<configs::FileValue>(&value);
        if (file == nullptr) continue;
        Seen& known = seen[file->path];
        known.sha256 = file->sha256;
        known.needed = known.needed || !is_done(journals, item.key);
      }
    }
  } catch (const Error&) {
    return {};
  }
  return seen;
}

std::optional<requests::InputFile> GoneInputs::find(const std::string& path) {
  if (!seen_) seen_ = read();
  const auto known = seen_->find(path);
  if (known == seen_->end()) return std::nullopt;
  requests::InputFile file{.value = {.path = path, .sha256 = known->second.sha256}};
  if (const std::string kept = run_.input(file.value.sha256); can_be_read(kept)) {
    const requests::InputFile found = requests::look_at_picture(kept);
    if (!found.fault && found.value.sha256 == file.value.sha256) {
      file.width = found.width;
      file.height = found.height;
      return file;
    }
  }
  return known->second.needed ? std::nullopt : std::optional{std::move(file)};
}

void require_inputs(const results::RunDirectory& run, const requests::ItemList& items,
                    std::span<const PendingItem> pending) {
  std::vector<Problem> problems;
  std::set<std::string_view> seen;
  for (const PendingItem& left : pending) {
    const requests::PackedItem& item = items.packed()[left.item];
    if (item.more.empty() || !seen.insert(item.more).second) continue;
    for (const auto& [field, value] : with_kept_inputs(run, requests::unpacked_fields(item.more))) {
      const auto* file = std::get_if<configs::FileValue>(&value);
      if (file == nullptr || can_be_read(file->path)) continue;
      problems.push_back({.message = "item " + std::string{item.id} + " is still to be made, and its " +
                                     field + " is gone: " + printable(file->path, max_shown),
                          .expected = "the file where it was"});
      if (problems.size() >= requests::max_list_problems) throw Error{std::move(problems)};
    }
  }
  if (!problems.empty()) throw Error{std::move(problems)};
}

}  // namespace ditmill::jobs::run
