#include "jobs/watch/report/write_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "configs/error.h"
#include "configs/size_text.h"
#include "jobs/run/clips/stored_clips.h"
#include "jobs/watch/report/input_pictures.h"
#include "jobs/watch/report/item_facts.h"
#include "jobs/watch/report/overview.h"
#include "jobs/watch/report/page.h"
#include "jobs/watch/report/thumbnails.h"

namespace ditmill::jobs::watch {
namespace {

constexpr std::size_t block_items = 256;
constexpr std::size_t most_notes = 100;

struct Chosen {
  std::size_t number;  ///< among the chosen, in the order of the list
  const results::ListedItem* item;
};

/// Done items, at most `most`, evenly spread over the list; in the order of their parts, so that each is
/// opened once.
std::vector<Chosen> choose(const std::vector<results::ListedItem>& items, std::size_t most) {
  std::vector<Chosen> done;
  for (const results::ListedItem& item : items) {
    if (item.outcome == results::ItemOutcome::done) done.push_back({.number = 0, .item = &item});
  }
  std::vector<Chosen> chosen;
  const std::size_t taken = std::min(done.size(), most);
  for (std::size_t i = 0; i < taken; ++i) {
    chosen.push_back({.number = i, .item = done[i * done.size() / taken].item});
  }
  std::sort(chosen.begin(), chosen.end(), [](const Chosen& a, const Chosen& b) {
    return std::tie(a.item->part, a.number) < std::tie(b.item->part, b.number);
  });
  return chosen;
}

class Notes {
 public:
  void add(std::string note) {
    ++count_;
    if (notes_.size() < most_notes) notes_.push_back(std::move(note));
  }
  std::vector<std::string> take() {
    if (count_ > notes_.size()) notes_.push_back(fmt::format("and {} more", count_ - notes_.size()));
    return std::move(notes_);
  }

 private:
  std::vector<std::string> notes_;
  std::size_t count_ = 0;
};

class Report {
 public:
  Report(const results::ResultsRun& run, PageWriter& page, std::size_t items)
      : page_(page),
        clips_(run),
        thumbnails_(items, ThumbnailMaker::budget(items)),
        inputs_(run.directory()) {
    for (std::string& note : run.notes()) notes_.add(std::move(note));
  }

  void add(const Chosen& chosen) {
    const Stored stored = read(*chosen.item);
    if (!stored.note.empty()) notes_.add(stored.note);
    if (!stored.attributes) {
      facts_.add_unreadable(chosen.number, *chosen.item, stored.note);
    } else {
      nlohmann::json& facts = facts_.add(chosen.number, *chosen.item, *stored.attributes);
      if (!stored.note.empty()) facts["note"] = stored.note;
      if (nlohmann::json inputs = inputs_.of(*stored.attributes); !inputs.empty()) {
        facts["inputs"] = std::move(inputs);
      }
      if (stored.sprite) {
        facts["sprite"] = {stored.sprite->width, stored.sprite->height, stored.sprite->frames};
        page_.pictures(chosen.number, stored.sprite->jpeg);
      }
    }
    if (facts_.size() == block_items) page_.items(facts_.take());
  }

  std::uint64_t finish(std::size_t done, std::vector<std::string>& notes) {
    page_.items(facts_.take());
    notes = notes_.take();
    return page_.finish(
        {{"notes", notes}, {"stages", stages_.to_json(done)}, {"shrank", thumbnails_.shrank()}});
  }

 private:
  /// What could be read of an item, and why the rest could not.
  struct Stored {
    std::optional<results::h5::Attributes> attributes;
    std::optional<Sprite> sprite;
    std::string note;
  };

  Stored read(const results::ListedItem& item) {
    Stored stored;
    try {
      stored.attributes = clips_.attributes(item);
      stages_.add(item.width, item.height, item.frames, stage_seconds(*stored.attributes));
      stored.sprite = sprite_of(item);
    } catch (const Error& error) {
      stored.note = error.what();
    }
    thumbnails_.next();
    return stored;
  }

  std::optional<Sprite> sprite_of(const results::ListedItem& item) {
    if (!clips_.has_frames(item) && !clips_.has_video(item)) return std::nullopt;
    return thumbnails_.make(clips_.count(item),
                            [&](std::int64_t index) { return clips_.frame(item, index); });
  }

  PageWriter& page_;
  run::StoredClips clips_;
  ThumbnailMaker thumbnails_;
  InputPictures inputs_;
  StageTable stages_;
  ItemFacts facts_;
  Notes notes_;
};

}  // namespace

results::ResultsOutput write_report(const ReportOptions& options) {
  const results::ResultsRun run(options.run_directory);
  const double now = results::journal_time();
  const std::string out = options.out.empty() ? run.directory().path() + "/report.html" : options.out;
  std::size_t done = 0;
  std::optional<PageWriter> page;
  {
    const nlohmann::json overview = report_overview(run, read_timeline(run.directory(), now), now);
    done = overview["counts"]["done"];
    page.emplace(out, overview["name"].get<std::string>() + " · ditmill report", overview);
  }
  const std::vector<Chosen> chosen = choose(run.items(), ThumbnailMaker::most_items);
  Report report(run, *page, chosen.size());
  for (const Chosen& item : chosen) report.add(item);
  results::ResultsOutput output;
  const std::uint64_t bytes = report.finish(done, output.notes);
  output.text = fmt::format("{}: {} of {} clips, {}\n", out, chosen.size(), done, megabytes(bytes));
  return output;
}

}  // namespace ditmill::jobs::watch
