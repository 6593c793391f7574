#include "jobs/run/clips/clip_names.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include "configs/error.h"
#include "configs/shell_word.h"
#include "jobs/results/export/name_template.h"

namespace ditmill::jobs::run {
namespace {

using nlohmann::json;

constexpr std::size_t index_digits = 6;

/// A number without needless digits: 16, 0.5.
std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return value.dump();
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value.get<double>()).ptr};
}

std::string padded(std::size_t number) {
  std::string digits = std::to_string(number);
  return std::string(index_digits - std::min(index_digits, digits.size()), '0') + digits;
}

/// N of an id that ends in -sN.
std::optional<std::string> sample_of(const std::string& id) {
  const std::size_t at = id.rfind("-s");
  if (at == std::string::npos || at + 2 == id.size()) return std::nullopt;
  const std::string number = id.substr(at + 2);
  const bool plain =
      number.find_first_not_of("0123456789") == std::string::npos && (number.size() == 1 || number[0] != '0');
  return plain ? std::optional{number} : std::nullopt;
}

struct Names {
  std::vector<std::string> texts;  ///< in the order of the items
  std::size_t shortened = 0;
  std::string first_shortened = {};  ///< id
};

/// Goes through the list once, which says more of its items than is held of them.
class Namer {
 public:
  Namer(const results::ResultsRun& run, const std::vector<const results::ListedItem*>& items,
        StoredClips& clips)
      : run_(run), items_(items), clips_(clips) {
    for (std::size_t i = 0; i < items.size(); ++i) places_.emplace(items[i]->id, i);
  }

  Names names(const results::NameTemplate& name_template) {
    Names names{.texts = std::vector<std::string>(items_.size())};
    std::unordered_map<std::string, std::size_t> prompts;  // how often each was met
    std::size_t index = 0;
    results::for_each_line(run_.directory(), {}, [&](results::ListedItem&& item, const json& line) {
      std::string sample;
      if (name_template.uses("sample")) {
        const std::optional<std::string> told = sample_of(item.id);
        sample = told ? *told : std::to_string(prompts[text_of(line["request"].value("prompt", json("")))]++);
      }
      const std::string position = padded(index++);
      const auto place = places_.find(item.id);
      if (place == places_.end()) return;
      const results::NameTemplate::Name name = name_template.of([&](std::string_view field) {
        if (field == "sample") return sample;
        return field == "index" ? position : value(*items_[place->second], line, field);
      });
      if (name.shortened && names.shortened++ == 0) names.first_shortened = item.id;
      if (name.text.empty()) refuse(item, "a name that is not empty", "one without a character");
      names.texts[place->second] = name.text;
    });
    return names;
  }

 private:
  [[noreturn]] static void refuse(const results::ListedItem& item, std::string expected, std::string got) {
    throw Error(Category::usage, "name what is exported", Where{.item = item.id},
                Expected{std::move(expected)}, Got{std::move(got)}, "add {id} to --name, or take it instead");
  }

  std::string value(const results::ListedItem& item, const json& line, std::string_view field) {
    if (field == "id") return item.id;
    if (field == "key") return item.key;
    if (field == "steps" || field == "guidance") return stored(item, field);
    const bool metadata = field.starts_with(results::metadata_prefix);
    if (metadata) field.remove_prefix(results::metadata_prefix.size());
    const json& object = line.value(metadata ? "metadata" : "request", json::object());
    const auto found = object.is_object() ? object.find(field) : object.end();
    if (found != object.end() && found->is_primitive() && !found->is_null()) return text_of(*found);
    refuse(item, (metadata ? "metadata with a text or number " : "a request with ") + std::string{field},
           found == object.end() ? "none" : printable(found->dump(), 80));
  }

  /// What only the part knows.
  std::string stored(const results::ListedItem& item, std::string_view field) {
    for (const auto& [name, value] : clips_.attributes(item)) {
      if (name == field) return std::visit([](const auto& held) { return text_of(json(held)); }, value);
    }
    refuse(item, "an attribute " + std::string{field}, "none");
  }

  const results::ResultsRun& run_;
  const std::vector<const results::ListedItem*>& items_;
  StoredClips& clips_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

/// The first two that a file system may take for one.
std::optional<std::pair<std::size_t, std::size_t>> clash(const std::vector<std::string>& names) {
  std::unordered_map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string small = names[i];
    std::transform(small.begin(), small.end(), small.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const auto [first, fresh] = seen.emplace(std::move(small), i);
    if (!fresh) return std::pair{first->second, i};
  }
  return std::nullopt;
}

/// The same template with what tells all items apart.
std::string better(const std::string& name_template, Namer& namer) {
  for (const char* more : {"-{sample}", "-{seed}", "-{id}"}) {
    if (!clash(namer.names(results::NameTemplate(name_template + more)).texts)) return name_template + more;
  }
  return name_template + "-{index}";
}

}  // namespace

std::vector<std::string> clip_names(const std::string& name_template, const results::ResultsRun& run,
                                    const std::vector<const results::ListedItem*>& items, StoredClips& clips,
                                    std::vector<std::string>& notes) {
  std::vector<std::string> ids;
  for (const results::ListedItem* item : items) ids.push_back(item->id);
  if (name_template.empty()) return ids;
  const results::NameTemplate wanted(name_template);
  Namer namer(run, items, clips);
  Names names = namer.names(wanted);
  if (const auto same = clash(names.texts)) {
    const auto& [a, b] = *same;
    const bool equal = names.texts[a] == names.texts[b];
    throw Error(Category::usage, "name what is exported: nothing is written yet", {},
                Expected{"a name of its own for each item, whatever the case of its letters"},
                Got{'"' + printable(names.texts[a]) + '"' +
                    (equal ? "" : " and \"" + printable(names.texts[b]) + '"') + " for items " + ids[a] +
                    " and " + ids[b]},
                "--name " + shell_word(better(name_template, namer)) + " tells all of them apart");
  }
  if (names.shortened > 0) {
    notes.push_back(std::to_string(names.shortened) +
                    " names are shortened: a file's name has at most 255 bytes (the first is that of item " +
                    names.first_shortened + ")");
  }
  return std::move(names.texts);
}

}  // namespace ditmill::jobs::run
