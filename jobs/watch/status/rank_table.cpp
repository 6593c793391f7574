#include "jobs/watch/status/rank_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "jobs/watch/status/phrases.h"

namespace ditmill::jobs::watch {
namespace {

constexpr std::size_t crowds_shown = 5;

Tinted end_of(const RankWords& words) {
  const int signal = words.report.signal;
  if (signal != 0) {
    const char* const abbreviation = ::sigabbrev_np(signal);
    return {abbreviation == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", abbreviation),
            Tint::red};
  }
  if (words.report.died_ms > 0) return {"found dead", Tint::red};
  if (words.report.leaves) return {"left in order"};
  return {words.gone ? "gone" : "not known"};
}

}  // namespace

void show_ranks_without_group(TextScreen& screen, const std::vector<RankWords>& ranks) {
  struct Crowd {
    std::size_t count = 0;
    const RankWords* latest = nullptr;
  };
  std::map<std::string, Crowd> crowds;
  for (const RankWords& words : ranks) {
    if (words.report.group >= 0) continue;
    Crowd& crowd = crowds[words.report.doing];
    ++crowd.count;
    if (crowd.latest == nullptr || words.age_s < crowd.latest->age_s) crowd.latest = &words;
  }
  if (crowds.empty()) return;
  screen.title("ranks that are in no group yet");
  std::vector<std::vector<Tinted>> rows;
  for (const auto& [doing, crowd] : crowds) {
    if (rows.size() == crowds_shown) break;
    rows.push_back(
        {{counted(crowd.count, "rank")},
         {fmt::format("rank {} on {}", crowd.latest->report.rank, short_cell(crowd.latest->report.host))},
         {ago(crowd.latest->age_s)},
         {deed(doing, crowd.latest->report.items)}});
  }
  screen.table(rows, {true, false, true, false});
  if (crowds.size() > rows.size()) screen.line("... and others (--json has all)", Tint::dim);
}

void show_last_words(TextScreen& screen, const std::vector<RankWords>& ranks, std::size_t most_rows) {
  std::vector<const RankWords*> order;
  for (const RankWords& words : ranks) order.push_back(&words);
  std::stable_sort(order.begin(), order.end(), [](const RankWords* a, const RankWords* b) {
    const auto death = [](const RankWords* words) {
      return words->report.died_ms > 0 ? words->report.died_ms : INT64_MAX;
    };
    return death(a) < death(b);
  });
  const std::size_t shown = std::min(order.size(), most_rows);
  std::vector<std::vector<Tinted>> rows{{{"rank", Tint::bold},
                                         {"host", Tint::bold},
                                         {"group", Tint::bold},
                                         {"last heard", Tint::bold},
                                         {"end", Tint::bold},
                                         {"doing", Tint::bold}}};
  for (std::size_t i = 0; i < shown; ++i) {
    const RankWords& words = *order[i];
    rows.push_back({{std::to_string(words.report.rank)},
                    {short_cell(words.report.host)},
                    {words.report.group < 0 ? "-" : std::to_string(words.report.group)},
                    {ago(words.age_s)},
                    end_of(words),
                    {deed(words.report.doing, words.report.items)}});
  }
  screen.table(rows, {true, false, true, true, false, false});
  if (shown < order.size()) {
    screen.line(fmt::format("... and {} more (--json has all)", counted(order.size() - shown, "rank")),
                Tint::dim);
  }
}

}  // namespace ditmill::jobs::watch
