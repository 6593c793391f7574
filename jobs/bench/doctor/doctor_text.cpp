#include "jobs/bench/doctor/doctor_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ditmill::jobs::bench::doctor {
namespace {

std::string rate(double value) { return value > 0 ? fmt::format("{:.0f}", value) : "-"; }

double gigabytes(std::uint64_t bytes) { return 1e-9 * static_cast<double>(bytes); }

std::string line_of(const NodeFacts& node, std::size_t width) {
  if (node.silent) return fmt::format("{:{}}  no answer\n", node.host, width);
  return fmt::format(
      "{:{}} {:>5} {:>6} {:>6.1f} {:>7.0f} {:>6.0f} {:>6.0f} {:>6.1f} {:>9.3f} {:>7} {:>7} {:>7}\n",
      node.host, width, node.gpus.size(), node.cores, node.load, node.cpu_rate,
      gigabytes(node.memory_available), gigabytes(node.memory), gigabytes(node.shm_free), node.clock_offset,
      rate(node.write_rate), rate(node.read_rate), rate(node.best_pair()));
}

}  // namespace

std::string doctor_text(std::span<const NodeFacts> nodes, const Diagnosis& diagnosis) {
  std::size_t width = 4;
  for (const NodeFacts& node : nodes) width = std::max(width, node.host.size());
  std::string text =
      fmt::format("{:{}} {:>5} {:>6} {:>6} {:>7} {:>6} {:>6} {:>6} {:>9} {:>7} {:>7} {:>7}\n", "node", width,
                  "GPUs", "cores", "load", "core", "free", "memory", "shm", "clock", "write", "read", "pair");
  text += fmt::format("{:{}} {:>5} {:>6} {:>6} {:>7} {:>6} {:>6} {:>6} {:>9} {:>7} {:>7} {:>7}\n", "", width,
                      "", "", "", "Mstep/s", "GB", "GB", "GB", "s", "MB/s", "MB/s", "MB/s");
  for (const NodeFacts& node : nodes) text += line_of(node, width);
  for (const Finding& finding : diagnosis.findings) {
    text += (finding.node.empty() ? "" : finding.node + ": ") + finding.what + "\n";
  }
  for (const std::string& note : diagnosis.notes) text += "note: " + note + "\n";
  const std::vector<std::string> odd = diagnosis.odd_nodes();
  if (!odd.empty()) {
    if (odd.size() == nodes.size() && nodes.size() > 1) {
      text += "these are all nodes: look first at what they share\n";
    }
    text += fmt::format("--exclude={}\n", fmt::join(odd, ","));
  } else if (diagnosis.findings.empty()) {
    text += nodes.size() == 1
                ? "nothing is wrong with this node\n"
                : fmt::format("the {} nodes are alike, and nothing is wrong with them\n", nodes.size());
  }
  return text;
}

nlohmann::json doctor_json(std::span<const NodeFacts> nodes, const Diagnosis& diagnosis) {
  nlohmann::json findings = nlohmann::json::array();
  for (const Finding& finding : diagnosis.findings) {
    findings.push_back({{"node", finding.node.empty() ? nlohmann::json{} : nlohmann::json(finding.node)},
                        {"what", finding.what}});
  }
  nlohmann::json all = nlohmann::json::array();
  for (const NodeFacts& node : nodes) all.push_back(to_json(node));
  return {{"exit", diagnosis.exit_code()},
          {"exclude", fmt::format("{}", fmt::join(diagnosis.odd_nodes(), ","))},
          {"findings", findings},
          {"notes", diagnosis.notes},
          {"nodes", all}};
}

}  // namespace ditmill::jobs::bench::doctor
