#include "jobs/plan/run_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ditmill::jobs::plan {

std::optional<run::Retry> retry_from_text(std::string_view text) {
  run::Retry retry;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view state = text.substr(0, comma);
    if (state != "failed" && state != "quarantined") return std::nullopt;
    (state == "failed" ? retry.failed : retry.quarantined) = true;
    if (comma == std::string_view::npos) return retry;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string> words_of(const run::Retry& retry) {
  std::string states;
  if (retry.failed) states = "failed";
  if (retry.quarantined) states += states.empty() ? "quarantined" : ",quarantined";
  return states.empty() ? std::vector<std::string>{} : std::vector<std::string>{"--retry", states};
}

std::vector<std::string> passed_words(const RunOptions& options) {
  std::vector<std::string> words;
  const auto flag = [&words](bool set, const char* option) {
    if (set) words.emplace_back(option);
  };
  const auto value = [&words](const char* option, const std::string& text) {
    words.insert(words.end(), {option, text});
  };
  flag(options.drop, "--drop");
  if (!options.selection.only.empty())
    value("--only", fmt::format("{}", fmt::join(options.selection.only, ",")));
  flag(options.selection.shuffle, "--shuffle");
  if (options.max_fails > 0) value("--max-fails", std::to_string(options.max_fails));
  flag(options.skip_memory_check, "--skip-memory-check");
  if (options.device != RunOptions{}.device) value("--device", options.device);
  if (options.threads > 0) value("--threads", std::to_string(options.threads));
  if (options.watchdog > 0) value("--watchdog", std::to_string(options.watchdog));
  return words;
}

}  // namespace ditmill::jobs::plan
