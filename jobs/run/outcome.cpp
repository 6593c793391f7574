#include "jobs/run/outcome.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs::run {
namespace {

std::string items_text(std::size_t count) { return fmt::format("{} item{}", count, count == 1 ? "" : "s"); }

std::string given_up_text(const Counts& counts) {
  std::string text;
  if (counts.failed > 0) text = items_text(counts.failed) + " failed";
  if (counts.quarantined > 0) {
    text += (text.empty() ? items_text(counts.quarantined) : ", " + std::to_string(counts.quarantined)) +
            " quarantined";
  }
  return text;
}

}  // namespace

Counts count_items(const requests::ItemList& items, const results::JournalState& journals,
                   const std::vector<bool>& chosen) {
  Counts counts;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!chosen.empty() && !chosen[i]) continue;
    ++counts.of(journals.by_key.outcome(items.packed()[i].key));
  }
  return counts;
}

Outcome decide_outcome(const Counts& all, const Counts& chosen, const EarlyEnd& early, int epoch) {
  Outcome outcome{.counts = all, .epoch = epoch};
  if (chosen.left > 0 && early.max_fails.empty()) {
    outcome.exit = exit_resumable;
    outcome.reason = "stopped early" + (early.stopped.empty() ? "" : " (" + early.stopped + ")") + ": " +
                     items_text(chosen.left) + " left";
  } else if (chosen.left > 0) {
    outcome.exit = early.stopped.empty() ? exit_incomplete : exit_resumable;
    outcome.reason = fmt::format("{}: {}, {} left", early.max_fails, given_up_text(all), chosen.left);
  } else if (chosen.given_up() > 0) {
    outcome.exit = exit_incomplete;
    outcome.reason = given_up_text(chosen);
  } else if (chosen.total() < all.total()) {
    outcome.reason =
        fmt::format("all {} chosen are done, {} others left", items_text(chosen.total()), all.left);
  } else {
    outcome.reason = "all items done";
  }
  return outcome;
}

nlohmann::json to_json(const Outcome& outcome) {
  nlohmann::json json{{"exit", outcome.exit},
                      {"done", outcome.counts.done},
                      {"failed", outcome.counts.failed},
                      {"quarantined", outcome.counts.quarantined},
                      {"left", outcome.counts.left},
                      {"reason", outcome.reason},
                      {"epoch", outcome.epoch}};
  if (outcome.crashed) json["crashed"] = true;
  return json;
}

std::optional<Outcome> outcome_from_text(const std::string& text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    return Outcome{.counts = {.done = json.at("done").get<std::size_t>(),
                              .failed = json.at("failed").get<std::size_t>(),
                              .quarantined = json.at("quarantined").get<std::size_t>(),
                              .left = json.at("left").get<std::size_t>()},
                   .exit = json.at("exit").get<int>(),
                   .reason = json.at("reason").get<std::string>(),
                   .epoch = json.at("epoch").get<int>(),
                   .crashed = json.value("crashed", false)};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::optional<Outcome> read_outcome(const results::RunDirectory& run, Unreadable unreadable) {
  try {
    return outcome_from_text(results::durable::read_file(run.outcome()));
  } catch (const Error& error) {
    if (unreadable == Unreadable::throws && error.category() != Category::not_found) throw;
  }
  return std::nullopt;
}

std::optional<Outcome> outcome_of_epoch(const results::RunDirectory& run, int epoch, Unreadable unreadable) {
  std::optional<Outcome> outcome = read_outcome(run, unreadable);
  return outcome && outcome->epoch == epoch ? outcome : std::nullopt;
}

void write_outcome(const results::RunDirectory& run, const Outcome& outcome) {
  results::durable::write_file(run.outcome(), to_json(outcome).dump() + "\n");
}

}  // namespace ditmill::jobs::run
