#include "jobs/watch/status/phrases.h"

#include <fmt/format.h>

#include <algorithm>

#include "configs/time_text.h"

namespace ditmill::jobs::watch {
namespace {

constexpr std::size_t longest_cell = 24;

}  // namespace

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string ago(double seconds) { return duration_text(seconds) + " ago"; }

std::string short_cell(std::string text) {
  if (text.size() > longest_cell) text = text.substr(0, longest_cell - 1) + "~";
  return text;
}

std::string deed(const std::string& doing, const std::string& items) {
  if (items.empty() || doing.find(items) != std::string::npos) return doing;
  const std::string first = items.substr(0, items.find(','));
  const auto more = static_cast<std::size_t>(std::count(items.begin(), items.end(), ','));
  if (more > 0 && doing.find(first) != std::string::npos) return fmt::format("{} [and {} more]", doing, more);
  return fmt::format("{}{}[{}{}]", doing, doing.empty() ? "" : " ", first,
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace ditmill::jobs::watch
