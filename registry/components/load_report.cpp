#include "registry/components/load_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "configs/list_text.h"
#include "configs/size_text.h"
#include "registry/tools/count_text.h"
#include "registry/tools/summary.h"

namespace ditmill::registry {
namespace {

constexpr std::size_t most_names_shown = 5;
constexpr std::size_t longest_name_shown = 120;
constexpr std::size_t longest_finding_shown = 4000;

std::string_view verdict_word(Severity severity) noexcept {
  constexpr std::array<std::string_view, 3> words{"ok", "warn", "error"};
  return words.at(static_cast<std::size_t>(severity));
}

std::string_view severity_word(Severity severity) noexcept {
  constexpr std::array<std::string_view, 3> words{"note", "warning", "error"};
  return words.at(static_cast<std::size_t>(severity));
}

Severity worst_of(std::span<const Finding> findings) noexcept {
  const auto worst = std::ranges::max_element(findings, {}, &Finding::severity);
  return worst == findings.end() ? Severity::note : worst->severity;
}

nlohmann::json text_or_null(std::string_view text) {
  return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

nlohmann::json findings_json(std::span<const Finding> findings) {
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& each : findings)
    list.push_back({{"severity", severity_word(each.severity)}, {"message", each.text}});
  return list;
}

nlohmann::json misshapen_json(const std::vector<Misshapen>& misshapen) {
  nlohmann::json list = nlohmann::json::array();
  for (const Misshapen& each : misshapen)
    list.push_back({{"name", each.name}, {"expected", each.expected}, {"got", each.got}});
  return list;
}

bool has_weight_files(const LoadedComponent& one) { return !one.component.files.empty(); }

/// What its headers say.
void add_weights_json(nlohmann::json& object, const LoadedComponent& one) {
  const Identity& identity = one.component.identity;
  const WeightSummary summary = summarize(one.component);
  nlohmann::json files = nlohmann::json::array();
  for (const WeightFile& file : one.component.files) files.push_back(file.path);
  object["files"] = std::move(files);
  object["architecture"] = text_or_null(one.architecture);
  object["layout"] = text_or_null(one.layout);
  object["variant"] = text_or_null(identity.variant);
  object["how"] = identity.how;
  object["key_hash"] = text_or_null(identity.key_hash);
  object["prefix"] = text_or_null(identity.prefix);
  object["tensors"] = summary.tensors;
  object["parameters"] = summary.parameters;
  object["dtypes"] = summary.elements;
  object["bytes"] = one.component.tensor_bytes();
  object["quantization"] = text_or_null(one.quantization);
  object["bound"] = one.tensors.bound;
  object["missing"] = one.tensors.missing;
  object["one_of"] = one.tensors.one_of;
  object["unexpected"] = one.tensors.unexpected;
  object["misshapen"] = misshapen_json(one.tensors.misshapen);
  object["scales"] = one.tensors.scales;
  object["unscaled"] = one.tensors.unscaled;
  object["passed_over"] = one.tensors.passed_over;
}

nlohmann::json component_json(const LoadedComponent& one) {
  nlohmann::json object{{"name", one.name},
                        {"library", text_or_null(one.library)},
                        {"class", text_or_null(one.class_name)},
                        {"loader", one.type->loader},
                        {"path", one.path},
                        {"config", text_or_null(one.component.config_path)},
                        {"verdict", verdict_word(one.verdict())},
                        {"findings", findings_json(one.findings)}};
  if (has_weight_files(one)) add_weights_json(object, one);
  if (one.read) {
    const double rate = one.read->seconds > 0 ? static_cast<double>(one.read->bytes) / one.read->seconds : 0;
    object["read"] = {{"bytes", one.read->bytes}, {"seconds", one.read->seconds}, {"bytes_per_second", rate}};
  }
  return object;
}

/// "825 of 825 tensors bound, BF16 1.42B, 2.84 GB"
std::string weights_text(const LoadedComponent& one) {
  const WeightSummary summary = summarize(one.component);
  std::string dtypes;
  for (const auto& [type, elements] : summary.elements)
    extend_list(dtypes, type + " " + short_count(elements));
  const Identity& identity = one.component.identity;
  std::string text;
  if (one.bound) {
    text = fmt::format("{} ({}), {}; {} of {} tensors bound",
                       one.architecture.empty() ? one.component.role : one.architecture, one.layout,
                       identity.variant.empty() ? "variant not known" : identity.variant, one.tensors.bound,
                       summary.tensors);
  } else {
    text = fmt::format("{}; {} tensors", identity.variant.empty() ? "not known: generic" : identity.variant,
                       summary.tensors);
  }
  return fmt::format("{}{}{}, {}", text, dtypes.empty() ? "" : ", ", dtypes,
                     size_text(static_cast<double>(one.component.tensor_bytes())));
}

std::string component_line(const LoadedComponent& one) {
  std::string declared = one.library;
  if (!one.class_name.empty()) extend_list(declared, one.class_name, ".");
  std::string text =
      fmt::format("{:<5}  {:<14}  {}  {}", verdict_word(one.verdict()), printable(one.name, 60),
                  declared.empty() ? "-" : printable(declared, 100), one.type->loader);
  if (has_weight_files(one)) text += ": " + weights_text(one);
  if (one.read && one.read->seconds > 0) {
    const auto bytes = static_cast<double>(one.read->bytes);
    text += fmt::format("; read {} at {}/s", size_text(bytes), size_text(bytes / one.read->seconds));
  }
  return text + "\n";
}

std::string findings_text(std::span<const Finding> findings) {
  std::string text;
  for (const Finding& each : findings)
    text += fmt::format("       {}: {}\n", severity_word(each.severity),
                        printable(each.text, longest_finding_shown));
  return text;
}

}  // namespace

void LoadedComponent::cannot_read(const Error& error) {
  say(Severity::error, error.what());
  unread = unread == 1 ? 1 : exit_code(error.category());
}

Severity LoadedComponent::verdict() const noexcept { return worst_of(findings); }

LoadedComponent* LoadReport::find(std::string_view name) noexcept {
  const auto found = std::ranges::find(components, name, &LoadedComponent::name);
  return found == components.end() ? nullptr : &*found;
}

Severity LoadReport::verdict() const noexcept {
  Severity worst = worst_of(findings);
  for (const LoadedComponent& one : components) worst = std::max(worst, one.verdict());
  return worst;
}

int LoadReport::exit_code() const noexcept {
  int unread = 0;
  for (const LoadedComponent& one : components) {
    if (one.unread != 0) unread = unread == 1 ? 1 : one.unread;
  }
  if (unread != 0) return unread;
  return verdict() == Severity::error ? exit_incomplete : 0;
}

nlohmann::json to_json(const LoadReport& report) {
  nlohmann::json components = nlohmann::json::array();
  for (const LoadedComponent& one : report.components) components.push_back(component_json(one));
  return {{"path", report.path},
          {"layout", report.layout},
          {"index", text_or_null(report.index)},
          {"verdict", verdict_word(report.verdict())},
          {"components", std::move(components)},
          {"absent", report.absent},
          {"findings", findings_json(report.findings)}};
}

std::string some_names(const std::vector<std::string>& names) {
  return some_of(names, most_names_shown,
                 [](const std::string& name) { return printable(name, longest_name_shown); });
}

std::string load_text(const LoadReport& report) {
  std::string text = printable(report.path, 400) + "\n";
  std::array<std::size_t, 3> counts{};
  for (const LoadedComponent& one : report.components) {
    text += component_line(one) + findings_text(one.findings);
    ++counts.at(static_cast<std::size_t>(one.verdict()));
  }
  for (const Finding& each : report.findings)
    text +=
        fmt::format("{:<5}  {}\n", verdict_word(each.severity), printable(each.text, longest_finding_shown));
  if (!report.absent.empty())
    text += fmt::format("none   {} (the index says so)\n", fmt::join(report.absent, ", "));
  return text + fmt::format("{} {}: {} ok, {} warned of, {} wrong\n", report.components.size(),
                            report.components.size() == 1 ? "component" : "components", counts[0], counts[1],
                            counts[2]);
}

}  // namespace ditmill::registry
