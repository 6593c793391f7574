#include "jobs/plan/pilot/pilot_results.h"

#include <algorithm>

#include "jobs/plan/pilot/pilot_file.h"
#include "jobs/plan/pilot/text.h"
#include "jobs/run/clips/export.h"

namespace ditmill::jobs::plan {
namespace {

constexpr std::size_t most_shown = 120;

/// Items spread over those that were measured: a sheet has room for so many.
std::vector<std::string> shown_items(const std::vector<std::string>& items) {
  const std::size_t count = std::min(items.size(), most_shown);
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < count; ++i) shown.push_back(items[i * items.size() / count]);
  return shown;
}

/// A sheet that cannot be made (no pictures were kept) takes nothing from the measurements.
std::string draw_sheet(const results::RunDirectory& run, const Pilot& pilot) {
  try {
    return run::results_export({.run_directory = run.path(),
                                .items = shown_items(pilot.items),
                                .png_folder = {},
                                .contact_sheet = run.path() + "/pilot.png"})
        .text;
  } catch (const Error& error) {
    return std::string{"no contact sheet: "} + error.what() + "\n";
  }
}

}  // namespace

std::string write_pilot(const results::RunDirectory& run, const PilotFacts& facts, const PreparedJob& job,
                        const requests::ItemList& items) {
  try {
    const Pilot pilot = measure(run, facts);
    write_pilot_file(run, pilot);
    return pilot_text(pilot, job, items) + draw_sheet(run, pilot);
  } catch (const Error& error) {
    if (error.category() != Category::usage) throw;
    const std::optional<Pilot> earlier = read_pilot_file(run);
    if (!earlier) throw;
    return "nothing was left of the pilot's items: as it was measured before\n" +
           pilot_text(*earlier, job, items);
  }
}

}  // namespace ditmill::jobs::plan
