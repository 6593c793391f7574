#include "slurm/settings.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "configs/lower_case.h"
#include "configs/suggest.h"
#include "slurm/time_limit.h"

namespace ditmill::slurm {
namespace {

using configs::MapReader;
using configs::YamlNode;

constexpr std::size_t max_shown = 80;
constexpr int most_nodes_asked = 1 << 20;
constexpr int most_a_node = 1 << 16;
constexpr int most_signal_seconds = 65'535;  // of sbatch --signal

bool is_control(char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; }

/// A name that stands in a line of the batch script as it is.
void read_word(MapReader& slurm, std::string_view key, std::string& out) {
  static constexpr std::string_view marks = "._,:+@%/-=";
  std::string word;
  if (!slurm.read(key, word)) return;
  const bool plain = std::ranges::all_of(word, [](char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           marks.find(byte) != std::string_view::npos;
  });
  if (plain && !word.empty() && word.front() != '-') {
    out = std::move(word);
    return;
  }
  slurm.problem(key, slurm.path_of(key) + " is not a name", "letters, digits and " + std::string(marks),
                printable(word, max_shown));
}

void read_time(MapReader& slurm, std::string& out) {
  std::string time;
  if (!slurm.read("time", time)) return;
  if (limit_seconds(time).value_or(0) > 0 || lower_case(time) == "unlimited") {
    out = std::move(time);
    return;
  }
  slurm.problem("time", "slurm.time is no time limit",
                "minutes, hours:minutes:seconds, days-hours or unlimited", printable(time, max_shown));
}

/// Texts that stand on a line each, or in one; `first` is what each begins with, if not empty.
void read_lines(MapReader& reader, std::string_view key, std::string_view first,
                std::vector<std::string>& out) {
  std::vector<std::string> texts;
  if (!reader.read(key, texts)) return;
  const std::span<const YamlNode> nodes = reader.list(key);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].empty() && texts[i].starts_with(first) && std::ranges::none_of(texts[i], is_control))
      continue;
    reader.problem_at(
        nodes[i], reader.path_of(key) + "." + std::to_string(i) + " is not valid",
        first.empty() ? "a line of text" : "a line of text that begins with " + std::string(first),
        printable(texts[i], max_shown));
    return;
  }
  out = std::move(texts);
}

/// The image alone, or a mapping.
void read_container(MapReader& slurm, std::optional<Container>& out) {
  const YamlNode* node = slurm.find("container");
  if (node == nullptr || node->reported) return;
  Container container;
  if (node->kind == YamlNode::Kind::mapping) {
    static constexpr std::array<configs::Choice<ContainerRuntime>, 2> runtimes{
        {{"apptainer", ContainerRuntime::apptainer}, {"pyxis", ContainerRuntime::pyxis}}};
    MapReader reader = slurm.map("container");
    if (!reader.read("image", container.image) && !reader.has("image")) {
      reader.problem("image", "slurm.container.image is missing", "a path or a name of an image");
    }
    reader.read("runtime", container.runtime, runtimes);
    read_lines(reader, "mounts", "/", container.mounts);
    reader.finish();
  } else if (!slurm.read("container", container.image)) {
    return;
  }
  const bool usable = !container.image.empty() && container.image.front() != '-' &&
                      std::ranges::none_of(container.image, is_control);
  if (usable) {
    out = std::move(container);
  } else if (node->kind != YamlNode::Kind::mapping || node->find("image") != nullptr) {
    slurm.problem("container", "slurm.container is no image", "a path or a name of an image",
                  printable(container.image, max_shown));
  }
}

bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

/// The length of the name of a variable that a text begins with; 0: none.
std::size_t name_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() &&
         (is_letter(text[length]) || (length > 0 && text[length] >= '0' && text[length] <= '9'))) {
    ++length;
  }
  return length;
}

/// A path in which $NAME and ${NAME} stand for variables, with nothing else that bash would read between
/// double quotes; none if it is not such a path.
std::optional<Staging> staging_to(std::string_view path) {
  if (path.empty() || (path.front() != '/' && path.front() != '$')) return std::nullopt;
  Staging staging;
  while (!path.empty()) {
    const char byte = path.front();
    path.remove_prefix(1);
    if (is_control(byte) || byte == '"' || byte == '\\' || byte == '`') return std::nullopt;
    if (byte != '$') {
      staging.to += byte;
      continue;
    }
    const bool braced = path.starts_with('{');
    path.remove_prefix(braced ? 1 : 0);
    const std::size_t length = name_length(path);
    if (length == 0 || (braced && !path.substr(length).starts_with('}'))) return std::nullopt;
    staging.variables.emplace_back(path.substr(0, length));
    staging.to += "${" + staging.variables.back() + "}";
    path.remove_prefix(length + (braced ? 1 : 0));
  }
  return staging;
}

/// The folder alone, or a mapping.
void read_stage(MapReader& slurm, const std::optional<Container>& container, std::optional<Staging>& out) {
  const YamlNode* node = slurm.find("stage");
  if (node == nullptr || node->reported) return;
  Staging staging;
  staging.program = !container;  // an image has its own
  std::string to;
  std::optional<MapReader> reader;
  if (node->kind == YamlNode::Kind::mapping) {
    reader.emplace(slurm.map("stage"));
    const bool given = reader->read("to", to);
    if (!given && !reader->has("to")) {
      reader->problem("to", "slurm.stage.to is missing", "a folder on each node's own disk");
    }
    reader->read("program", staging.program);
    reader->read("weights", staging.weights);
    reader->read("keep", staging.keep);
    if (staging.program && container) {
      reader->problem("program", "the container's image has the program, and it is not staged",
                      "false, or no slurm.stage.program");
    }
    reader->finish();
    if (!given) return;
  } else if (!slurm.read("stage", to)) {
    return;
  }
  if (std::optional<Staging> path = staging_to(to)) {
    staging.to = std::move(path->to);
    staging.variables = std::move(path->variables);
    out = std::move(staging);
    return;
  }
  (reader ? *reader : slurm)
      .problem(reader ? "to" : "stage",
               std::string{reader ? "slurm.stage.to" : "slurm.stage"} + " is no folder",
               "an absolute path, as /local/scratch or $TMPDIR/ditmill", printable(to, max_shown));
}

}  // namespace

Settings read_settings(MapReader slurm) {
  static constexpr std::array<configs::Choice<Launcher>, 3> launchers{
      {{"auto", Launcher::automatic}, {"mpirun", Launcher::mpirun}, {"srun", Launcher::srun}}};
  Settings settings;
  slurm.read("nodes", settings.nodes, {1, most_nodes_asked});
  const auto optional = [&slurm](std::string_view key, std::optional<int>& out) {
    if (int value = 0; slurm.read(key, value, {1, most_a_node})) out = value;
  };
  optional("ranks_per_node", settings.ranks_per_node);
  slurm.read("gpus_per_node", settings.gpus_per_node, {0, most_a_node});
  optional("cpus_per_rank", settings.cpus_per_rank);
  read_time(slurm, settings.time);
  read_word(slurm, "partition", settings.partition);
  read_word(slurm, "account", settings.account);
  read_word(slurm, "qos", settings.qos);
  read_lines(slurm, "options", "-", settings.options);
  read_lines(slurm, "modules", "", settings.modules);
  slurm.read("prologue", settings.prologue);
  const bool names_launcher = slurm.read("launcher", settings.launcher, launchers);
  read_container(slurm, settings.container);
  if (settings.container && names_launcher && settings.launcher != Launcher::srun) {
    slurm.problem("launcher", "ranks in a container are launched by srun", "srun, or no slurm.launcher");
  }
  read_stage(slurm, settings.container, settings.stage);
  slurm.read("max_crashes", settings.max_crashes, {0, most_nodes_asked});
  slurm.read("max_restarts", settings.max_restarts, {0, most_nodes_asked});
  slurm.read("lead_seconds", settings.lead_seconds, {least_lead_seconds, most_signal_seconds});
  slurm.finish();
  return settings;
}

}  // namespace ditmill::slurm
