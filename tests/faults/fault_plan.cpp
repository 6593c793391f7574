#include "tests/faults/fault_plan.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

namespace ditmill::tests::faults {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Kind::count)> kinds{
    "none",          "run-folder",   "manifest",      "requests",       "config",       "digests",
    "outcome",       "index",        "epochs-folder", "epoch",          "clock",        "journal-folder",
    "journal",       "parts-folder", "part-folder",   "part",           "spool-folder", "spool",
    "status-folder", "status",       "logs-folder",   "loading-folder", "loading",      "other"};

constexpr std::array<std::string_view, static_cast<std::size_t>(Call::count)> calls{
    "open", "create", "write", "fsync", "rename", "unlink", "rmdir", "close", "truncate", "touch", "mkdir"};

constexpr std::array<std::pair<std::string_view, Kind>, 6> files{{{"manifest.yaml", Kind::manifest},
                                                                  {"requests.jsonl", Kind::requests},
                                                                  {"config.json", Kind::config},
                                                                  {"digests.json", Kind::digests},
                                                                  {"outcome.json", Kind::outcome},
                                                                  {"results.h5", Kind::index}}};

constexpr std::array<std::pair<std::string_view, Fault>, 10> actions{
    {{"kill-before", {Action::kill_before, 0}},
     {"kill-after", {Action::kill_after, 0}},
     {"kill-torn", {Action::kill_torn, 0}},
     {"stop-before", {Action::stop_before, 0}},
     {"stop-after", {Action::stop_after, 0}},
     {"short", {Action::shorten, 0}},
     {"EIO", {Action::fail, EIO}},
     {"ENOSPC", {Action::fail, ENOSPC}},
     {"EDQUOT", {Action::fail, EDQUOT}},
     {"EINTR", {Action::fail, EINTR}}}};

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

/// A plan that says something else than it does would make tests pass that test nothing.
[[noreturn]] void refuse(std::string_view rule) {
  std::fprintf(stderr, "fault shim: cannot understand \"%.*s\"\n", static_cast<int>(rule.size()),
               rule.data());
  std::_Exit(99);
}

std::string_view take_field(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return field;
}

std::string_view name(Kind kind) { return kinds[static_cast<std::size_t>(kind)]; }
std::string_view name(Call call) { return calls[static_cast<std::size_t>(call)]; }

}  // namespace

Kind kind_of(std::string_view path) {
  constexpr std::string_view temp = ".tmp";
  if (path.empty()) return Kind::run_folder;
  if (path.ends_with(temp)) path.remove_suffix(temp.size());
  for (const auto& [name, kind] : files) {
    if (path == name) return kind;
  }
  const std::string_view top = take_field(path, '/');
  const bool below = path.find('/') != std::string_view::npos;
  if (top == "epochs") {
    if (path.empty()) return Kind::epochs_folder;
    return path.starts_with("now-") ? Kind::clock : Kind::epoch;
  }
  if (top == "journal") return path.empty() ? Kind::journal_folder : Kind::journal;
  if (top == "parts") {
    if (path.empty()) return Kind::parts_folder;
    return below ? Kind::part : Kind::part_folder;
  }
  if (top == "spool") return below ? Kind::spool : Kind::spool_folder;
  if (top == "status") return below ? Kind::status : Kind::status_folder;
  if (top == "loading") return path.empty() ? Kind::loading_folder : Kind::loading;
  return top == "logs" && path.empty() ? Kind::logs_folder : Kind::other;
}

std::string point_name(Kind kind, Call call) {
  return std::string{name(kind)} + "." + std::string{name(call)};
}

FaultPlan& FaultPlan::get() {
  static auto* const plan = new FaultPlan;  // outlives every other static
  return *plan;
}

FaultPlan::FaultPlan()
    : root_(variable("DITMILL_FAULT_ROOT")),
      log_(variable("DITMILL_FAULT_LOG")),
      rank_(variable("OMPI_COMM_WORLD_RANK")),
      random_(std::strtoull(variable("DITMILL_FAULT_SEED").c_str(), nullptr, 10)) {
  if (rank_.empty()) rank_ = "0";
  const std::string wanted = variable("DITMILL_FAULT_RANK");
  const std::string text = variable("DITMILL_FAULT");
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view rule = take_field(rest, ',');
    if (wanted.empty() || wanted == rank_) add_rule(rule);
  }
}

void FaultPlan::add_rule(std::string_view text) {
  std::string_view rest = text;
  auto* rule = new Rule;
  rule->pattern = take_field(rest, ':');
  std::string when{take_field(rest, ':')};
  if (when.starts_with("p")) {
    rule->probability = std::strtod(when.c_str() + 1, nullptr);
  } else {
    rule->onwards = when.ends_with("+");
    rule->first = std::strtoull(when.c_str(), nullptr, 10);
  }
  bool known = false;
  for (const auto& [name, fault] : actions) {
    if (rest != name) continue;
    rule->fault = fault;
    known = true;
  }
  if (!known || (rule->first == 0 && rule->probability <= 0)) refuse(text);
  rules_.push_back(rule);
}

Kind FaultPlan::kind_of_path(const std::string& path) const {
  if (root_.empty() || !path.starts_with(root_)) return Kind::none;
  if (path.size() == root_.size()) return Kind::run_folder;
  return path[root_.size()] == '/' ? kind_of(std::string_view(path).substr(root_.size() + 1)) : Kind::none;
}

bool FaultPlan::Rule::matches(Kind kind, Call call) const {
  std::string_view rest = pattern;
  const std::string_view wanted = take_field(rest, '.');
  return (wanted == "*" || wanted == name(kind)) && (rest == "*" || rest == name(call));
}

bool FaultPlan::draw(double probability) {
  // Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014).
  std::uint64_t z = random_.fetch_add(0x9e3779b97f4a7c15) + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<double>(z) <
         probability * static_cast<double>(std::numeric_limits<std::uint64_t>::max());
}

bool FaultPlan::is_due(Kind kind, Call call, Fault& fault) {
  if (!log_.empty()) note(rank_ + " " + point_name(kind, call) + "\n");
  for (Rule* rule : rules_) {
    if (!rule->matches(kind, call)) continue;
    const std::uint64_t number = ++rule->calls;
    const bool now = rule->probability > 0 ? draw(rule->probability)
                                           : number == rule->first || (rule->onwards && number > rule->first);
    if (!now) continue;
    fault = rule->fault;
    if (!log_.empty()) note(rank_ + " " + point_name(kind, call) + " fault\n");
    return true;
  }
  return false;
}

void FaultPlan::note(const std::string& line) const {
  // By system calls, so that the shim does not meet itself.
  const long fd =
      ::syscall(SYS_openat, AT_FDCWD, log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return;
  ::syscall(SYS_write, fd, line.data(), line.size());
  ::syscall(SYS_close, fd);
}

}  // namespace ditmill::tests::faults
