#include "jobs/run/frozen/resume.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "configs/dump.h"
#include "configs/error.h"
#include "configs/list_text.h"
#include "jobs/requests/items/list_builder.h"
#include "jobs/requests/items/some_ids.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/listing/frozen_lines.h"
#include "jobs/run/frozen/json_difference.h"

namespace ditmill::jobs::run {
namespace {

requests::ItemList read_items(results::FrozenLines& lines) {
  requests::ItemList items;
  requests::IdIndex ids{items};
  while (lines.next()) {
    items.add(lines.item());
    if (ids.insert(items.size() - 1)) {
      lines.refuse("an id of its own", "the id " + std::string{items.packed().back().id} + " again");
    }
  }
  return items;
}

nlohmann::json read_identity(const results::RunDirectory& run) {
  try {
    const nlohmann::json config = nlohmann::json::parse(results::durable::read_file(run.config()));
    return config.is_object() ? config.value(identity_field, nlohmann::json{}) : nlohmann::json{};
  } catch (const nlohmann::json::exception&) {
    return {};
  } catch (const Error&) {
    return {};
  }
}

/// What differs, said once for all items: names of fields, and their values then and now.
class Differences {
 public:
  void add(const nlohmann::json& then, const nlohmann::json& now) {
    for (const JsonDifference& each : json_differences(then, now)) {
      if (!names_.insert(each.path).second) continue;
      append(then_, each.path, each.then);
      append(now_, each.path, each.now);
    }
  }
  bool empty() const { return names_.empty(); }
  const std::string& then() const { return then_; }
  const std::string& now() const { return now_; }
  std::string names() const { return fmt::format("{}", fmt::join(names_, ", ")); }

 private:
  static void append(std::string& text, const std::string& field, const nlohmann::json& value) {
    extend_list(text, field + " " + (value.is_null() ? "unset" : printable(value.dump(), max_shown)));
  }

  std::set<std::string> names_;
  std::string then_;
  std::string now_;
};

/// Whether ids that are positions in the list stand for other lines than before, because lines were put in,
/// taken out or moved. `gone`: what was frozen under ids that are not there any more, or have another prompt;
/// `come`: what is asked for under such ids.
bool lines_have_moved(const std::vector<const requests::PackedItem*>& gone,
                      const std::vector<const requests::PackedItem*>& come) {
  std::unordered_map<std::string_view, std::size_t> prompts;
  for (const requests::PackedItem* now : come) {
    if (requests::position_of_id(now->id)) ++prompts[now->prompt];
  }
  std::size_t found = 0;
  for (const requests::PackedItem* then : gone) {
    const auto prompt = requests::position_of_id(then->id) ? prompts.find(then->prompt) : prompts.end();
    if (prompt == prompts.end() || prompt->second == 0) continue;
    --prompt->second;
    ++found;
  }
  return 2 * found > gone.size();
}

class Reconciler {
 public:
  Reconciler(const results::RunDirectory& run, const FrozenJob& frozen, const nlohmann::json& identity,
             requests::ItemList& current, bool drop)
      : file_(run.requests()), frozen_(frozen), identity_(identity), current_(current), drop_(drop) {}

  Reconciled run() {
    requests::IdIndex now{current_};
    for (std::size_t i = 0; i < current_.size(); ++i) now.insert(i);
    std::vector<bool> known(current_.size());
    std::vector<std::uint32_t> order;  // of current_
    for (std::size_t i = 0; i < frozen_.items.size(); ++i) {
      const std::string_view id = frozen_.items.packed()[i].id;
      const std::optional<std::size_t> found = now.find(id);
      if (!found) {
        vanished_.add(id);
        gone_.push_back(&frozen_.items.packed()[i]);
        continue;
      }
      known[*found] = true;
      order.push_back(static_cast<std::uint32_t>(*found));
      look_at(i, *found);
    }
    for (std::size_t i = 0; i < current_.size(); ++i) {
      if (known[i]) continue;
      order.push_back(static_cast<std::uint32_t>(i));
      appended_.add(current_.packed()[i].id);
      come_.push_back(&current_.packed()[i]);
    }
    refuse();
    current_.select(order);
    return {.items = std::move(current_), .notes = notes()};
  }

 private:
  void look_at(std::size_t frozen, std::size_t current) {
    const requests::PackedItem& then = frozen_.items.packed()[frozen];
    const requests::PackedItem& now = current_.packed()[current];
    if (then.key == now.key) {
      if (then.fps != now.fps || then.more != now.more) look_at_loose_fields(frozen, current);
      if (then.metadata != now.metadata) other_metadata_.add(then.id);
      return;
    }
    if (then.prompt != now.prompt) {
      gone_.push_back(&then);
      come_.push_back(&now);
    }
    if (differing_.count() == 0) {
      first_line_ = then.line;
      first_id_ = then.id;
      // A start that died between two files can leave an identity that is not that of the items.
      identity_fits_ =
          frozen_.identity.is_object() && requests::ItemKeys{frozen_.identity}.of(then) == then.key;
      if (identity_fits_) differences_.add(frozen_.identity, identity_);
      same_settings_ = identity_fits_ && differences_.empty();
    }
    differences_.add(requests::request_identity(frozen_.items[frozen].request),
                     requests::request_identity(current_[current].request));
    differing_.add(then.id);
  }

  /// Fields that are not in the key may change.
  void look_at_loose_fields(std::size_t frozen, std::size_t current) {
    const requests::Item then = frozen_.items[frozen];
    for (const JsonDifference& each : json_differences(configs::dump_layer3(then.request),
                                                       configs::dump_layer3(current_[current].request))) {
      changed_[each.path].add(then.request.id);
    }
  }

  void refuse() const {
    std::vector<Problem> problems;
    const bool moved = differing_.count() > 0 && lines_have_moved(gone_, come_);
    if (differing_.count() > 0) {
      std::string what = differences_.names();
      if (!identity_fits_) {
        what += what.empty() ? "" : ", and maybe ";
        what += "the model or the pipeline (config.json does not say what they were)";
      }
      problems.push_back({.file = file_,
                          .line = first_line_,
                          .message = differing_.counted() + " of this run directory " +
                                     (differing_.count() == 1 ? "differs from the one asked for: "
                                                              : "differ from those asked for: ") +
                                     differing_.text() + "; what differs: " + what + "; " +
                                     how_to_go_on(moved),
                          .expected = differences_.then(),
                          .got = differences_.now()});
    }
    if (vanished_.count() > 0 && !drop_) {
      const bool one = vanished_.count() == 1;
      const std::string them = one ? "it" : "them";
      problems.push_back({.file = file_,
                          .message = vanished_.counted() + " of this run directory " + (one ? "is" : "are") +
                                     " not in the list any more: " + vanished_.text() + "; put " + them +
                                     " back" +
                                     (moved ? (one ? " where it was" : " where they were")
                                            : ", or give --drop to forget " + them)});
    }
    if (!problems.empty()) throw Error{std::move(problems)};
  }

  std::string how_to_go_on(bool moved) const {
    const bool positions = requests::position_of_id(first_id_).has_value();
    std::string how = "put back what was";
    if (moved) {
      how = same_settings_ ? "" : how + "; ";
      how +=
          "ids are positions in this list, and a line put on top, put in between or taken out shifts those "
          "of "
          "all lines behind it: append new lines at the end, or give each line the id that it has here (a "
          ".jsonl of lines as {\"id\": \"" +
          first_id_.substr(0, first_id_.find_first_not_of("0123456789")) + "\", \"prompt\": \"...\"})";
    } else if (same_settings_ && positions) {
      how += " and append what is new at the end of the list, for ids are positions in it";
    } else if (same_settings_) {
      how += " and add what is new under ids of its own";
    }
    return how + ", or take another --run-dir";
  }

  std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    const auto note = [&notes](const requests::SomeIds& ids, const std::string& what) {
      if (ids.count() > 0) notes.push_back(ids.counted() + " " + what + ": " + ids.text());
    };
    note(appended_, "appended to the job");
    note(vanished_, "dropped from the job");
    for (const auto& [field, ids] : changed_) {
      note(ids, "with another " + field + " than before; those done keep theirs");
    }
    note(other_metadata_, "with other metadata than before; those done keep theirs");
    return notes;
  }

  std::string file_;
  const FrozenJob& frozen_;
  const nlohmann::json& identity_;
  requests::ItemList& current_;
  bool drop_;
  int first_line_ = 0;
  std::string first_id_;
  bool identity_fits_ = false;
  bool same_settings_ = false;
  std::vector<const requests::PackedItem*> gone_;  ///< frozen, and no longer asked for under its id
  std::vector<const requests::PackedItem*> come_;  ///< asked for, and not frozen under its id
  Differences differences_;
  requests::SomeIds differing_;
  requests::SomeIds vanished_;
  requests::SomeIds appended_;
  std::map<std::string, requests::SomeIds> changed_;  ///< by field that is not in the key
  requests::SomeIds other_metadata_;
};

}  // namespace

std::optional<FrozenJob> read_frozen_job(const results::RunDirectory& run) {
  std::optional<results::FrozenLines> lines =
      results::FrozenLines::open(run.requests(), "read the items of an earlier start");
  if (!lines) return std::nullopt;
  return FrozenJob{.identity = read_identity(run), .items = read_items(*lines)};
}

Reconciled reconcile(const results::RunDirectory& run, const FrozenJob& frozen,
                     const nlohmann::json& identity, requests::ItemList&& current, bool drop) {
  return Reconciler{run, frozen, identity, current, drop}.run();
}

std::vector<PendingItem> pending_items(const requests::ItemList& items, const results::JournalState& journals,
                                       const Retry& retry) {
  std::vector<PendingItem> pending;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::optional<results::ItemState> state = journals.by_key.find(items.packed()[i].key);
    if (!state) {
      pending.push_back({.item = i});
      continue;
    }
    const results::ItemOutcome outcome = state->outcome();
    const bool given_up = (outcome == results::ItemOutcome::quarantined && !retry.quarantined) ||
                          (outcome == results::ItemOutcome::failed && !retry.failed);
    if (outcome == results::ItemOutcome::done || given_up) continue;
    pending.push_back({.item = i, .attempt = state->attempts + 1, .alone = state->crashes > 0});
  }
  return pending;
}

}  // namespace ditmill::jobs::run
