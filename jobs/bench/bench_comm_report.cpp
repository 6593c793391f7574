#include "jobs/bench/bench_comm_report.h"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

namespace ditmill::jobs::bench {
namespace {

using nlohmann::json;
using Kind = BenchCase::Kind;

constexpr double gigabyte = 1e9;

/// The fastest of a kind; there is one.
const BenchResult& best(const std::vector<BenchResult>& results, Kind kind, bool one_way = false) {
  const BenchResult* fastest = nullptr;
  for (const BenchResult& result : results) {
    if (result.kind != kind || result.one_way != one_way) continue;
    if (fastest == nullptr || result.best_rate() > fastest->best_rate()) fastest = &result;
  }
  return *fastest;
}

json to_json(const BenchResult& result) {
  return {{"collective", result.name},          {"bytes", result.bytes},
          {"given_bytes", result.given},        {"exchanges", result.exchanges},
          {"seconds", to_json(result.seconds)}, {"gigabytes_per_second", result.rate() / gigabyte}};
}

/// What a collective reached of what the links gave.
double share_of(const BenchResult& result, const std::vector<BenchResult>& results) {
  return result.rate() / best(results, Kind::link, result.one_way).best_rate();
}

json limit_json(const BenchResult& result) {
  return {{"bytes", result.bytes}, {"gigabytes_per_second", result.best_rate() / gigabyte}};
}

/// Messages are of powers of two.
std::string message_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 4> units{"B", "KiB", "MiB", "GiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; unit + 1 < units.size() && size >= 1024; ++unit) size /= 1024;
  return size == std::floor(size) ? fmt::format("{:.0f} {}", size, units.at(unit))
                                  : fmt::format("{:.1f} {}", size, units.at(unit));
}

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

std::string line_of(const BenchResult& result, const std::vector<BenchResult>& results) {
  std::string line = fmt::format(
      "{:<15}{:>9}{:>10}{:>12}{:>12}{:>12}", result.name, result.bytes > 0 ? message_text(result.bytes) : "-",
      result.given > 0 ? message_text(result.given) : "-", time_text(result.seconds.median),
      time_text(result.seconds.min), time_text(result.seconds.max));
  if (result.kind != Kind::collective) return line + "\n";
  const double percent = share_of(result, results) * 100;
  return line + fmt::format("{:>9.3f}{:>9}\n", result.rate() / gigabyte,
                            percent < 0.1 ? std::string("<0.1 %") : fmt::format("{:.1f} %", percent));
}

}  // namespace

double BenchResult::rate() const { return least_traffic / seconds.median; }
double BenchResult::best_rate() const { return least_traffic / seconds.min; }

json bench_comm_json(const BenchSetting& setting, const std::vector<BenchResult>& results) {
  json report{{"bench", "comm"},
              {"world", setting.world},
              {"hosts", setting.hosts},
              {"backend", setting.backend},
              {"device", setting.device},
              {"threads", setting.threads},
              {"dtype", "bfloat16"},
              {"repeats", setting.repeats},
              {"load_average", setting.load},
              {"libraries", setting.libraries},
              {"limit", limit_json(best(results, Kind::link))},
              {"limit_one_way", limit_json(best(results, Kind::link, true))},
              {"copy", limit_json(best(results, Kind::copy))},
              {"link", json::array()},
              {"results", json::array()}};
  for (const BenchResult& result : results) {
    json line = to_json(result);
    if (result.kind == Kind::link) {
      line["one_way"] = result.one_way;
      report["link"].push_back(std::move(line));
    } else if (result.kind != Kind::copy) {
      line["share"] = result.kind == Kind::collective ? json(share_of(result, results)) : json();
      report["results"].push_back(std::move(line));
    }
  }
  return report;
}

std::string bench_comm_table(const BenchSetting& setting, const std::vector<BenchResult>& results) {
  std::string hosts;
  for (const auto& [host, ranks] : setting.hosts) hosts += fmt::format(" {} ({})", host, ranks);
  std::string text = fmt::format(
      "{} ranks on{}, {}, {}, {} threads a rank; medians of {} repeats, bfloat16; load average {:.1f}\n",
      setting.world, hosts, setting.backend, setting.device, setting.threads, setting.repeats, setting.load);
  for (const auto& [name, version] : setting.libraries) text += fmt::format("{}: {}\n", name, version);
  for (const bool one_way : {false, true}) {
    const BenchResult& link = best(results, Kind::link, one_way);
    text += fmt::format("link, {}: {:.2f} GB/s a rank that gives, in exchanges of {}\n",
                        one_way ? "one rank giving" : "all ranks giving at once", link.best_rate() / gigabyte,
                        message_text(link.bytes));
  }
  text += fmt::format("copy in memory, all ranks at once: {:.2f} GB/s a rank\n\n",
                      best(results, Kind::copy).best_rate() / gigabyte);
  text += fmt::format("{:<15}{:>9}{:>10}{:>12}{:>12}{:>12}{:>9}{:>9}\n", "collective", "size", "given",
                      "latency", "min", "max", "GB/s", "of link");
  for (const BenchResult& result : results) {
    if (result.kind == Kind::collective || result.kind == Kind::host) text += line_of(result, results);
  }
  return text;
}

}  // namespace ditmill::jobs::bench
