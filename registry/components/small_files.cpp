#include "registry/components/small_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "registry/byte_source.h"
#include "registry/formats/json_document.h"
#include "registry/formats/json_scanner.h"
#include "registry/formats/looks_like.h"
#include "registry/identity/folder_names.h"
#include "registry/identity/unfinished_download.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t largest_small_file = std::uint64_t{16} << 20;
constexpr std::uint64_t largest_vocabulary = std::uint64_t{1} << 30;
constexpr const char* reading = "read a component's small files";

/// The first of the files that is there; empty if none is.
std::string first_file(const LoadedComponent& one) {
  for (const std::string_view name : one.type->config_files) {
    std::string path = inside(one.path, name);
    if (is_there(path) && !is_folder(path)) return path;
  }
  return {};
}

void read_configuration(LoadedComponent& one, const std::string& path) {
  refuse_unfinished(path);
  const std::string text = read_text(path, largest_small_file);
  one.component.config_path = path;
  one.component.config = told_apart(text, [&] { return parse_json(text, reading, path); });
  if (one.component.config.is_object()) return;
  throw Error{Category::bad_input, reading, Where{.file = path}, Expected{"an object"},
              Got{one.component.config.type_name()}};
}

/// Parses a JSON file of any size, without keeping it.
void require_json(const std::string& path) {
  refuse_unfinished(path);
  const std::string text = read_text(path, largest_vocabulary);
  told_apart(text, [&] {
    JsonScanner scanner{text, reading, path};
    scanner.skip();
    scanner.finish();
  });
}

void require_all_json(const LoadedComponent& one) {
  for (const std::string& name : names_in(one.path)) {
    if (name.ends_with(".json")) require_json(inside(one.path, name));
  }
}

/// Those that hold a tokenizer whole, and its settings, which say its class.
void read_tokenizer_files(LoadedComponent& one) {
  for (const std::string_view name : {"spiece.model", "tokenizer.json"}) {
    std::string path = inside(one.path, name);
    if (!is_there(path) || is_folder(path)) continue;
    refuse_unfinished(path);
    one.tokenizer_files.push_back(std::move(path));
  }
  const std::string settings = inside(one.path, "tokenizer_config.json");
  if (is_there(settings)) read_configuration(one, settings);
}

}  // namespace

void read_small_files(LoadedComponent& one) {
  const std::string first = first_file(one);
  require_all_json(one);
  if (first.empty() && one.type->needs != Needs::nothing) {
    one.say(Severity::error, fmt::format("none of {} is in it", fmt::join(one.type->config_files, ", ")));
    return;
  }
  if (one.type->needs == Needs::files) {
    read_tokenizer_files(one);
  } else if (!first.empty()) {
    read_configuration(one, first);
  }
  if (is_generic(*one.type)) {
    const std::size_t files = names_in(one.path).size();
    one.say(files == 0 ? Severity::warning : Severity::note,
            files == 0 ? "the folder is empty"
                       : "not known: no weights, " + std::to_string(files) + " other files");
  }
}

}  // namespace ditmill::registry
