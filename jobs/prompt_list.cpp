#include "jobs/prompt_list.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "configs/utf8.h"
#include "jobs/frozen_item.h"
#include "jobs/json_line.h"
#include "jobs/json_request.h"
#include "jobs/line_reader.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t id_digits = 6;

std::string generated_id(std::size_t position) {
  std::string digits = std::to_string(position);
  if (digits.size() < id_digits) digits.insert(0, id_digits - digits.size(), '0');
  return digits;
}

class ListReader {
 public:
  ListReader(const registry::ByteSource& source, const ItemDefaults& defaults, std::vector<Problem>& problems)
      : file_(source.label()),
        lines_(source),
        builder_(defaults),
        requests_(file_, problems),
        problems_(problems),
        before_(problems.size()) {}

  PromptList read(ListFormat format) {
    std::string_view line;
    while (!hopeless() && next(line)) {
      if (is_utf16(line)) {
        problem(0, "not UTF-8 but UTF-16 text", "UTF-8");
        break;
      }
      const std::size_t invalid = utf8::find_invalid(line);
      if (invalid != std::string_view::npos) {
        problem(column_at(line, invalid), "not UTF-8 text", "UTF-8",
                "byte " + printable(line.substr(invalid, 1)));
        builder_.next_item();
      } else if (!is_blank(line)) {
        format == ListFormat::text ? text_line(line) : json_line(line);
      }
    }
    PromptList list = builder_.finish(file_, max_list_problems - found(), problems_);
    if (hopeless()) {
      problems_.push_back(
          {.file = file_,
           .line = lines_.line(),
           .message = "reading stopped after " + std::to_string(max_list_problems) + " problems"});
    }
    return list;
  }

 private:
  std::size_t found() const { return std::min(problems_.size() - before_, max_list_problems); }
  bool hopeless() const { return found() == max_list_problems; }

  bool next(std::string_view& line) {
    try {
      return lines_.next(line);
    } catch (const Error& error) {
      if (error.category() != Category::bad_input) throw;
      problems_.push_back(to_problem(error));
      return false;
    }
  }

  bool is_utf16(std::string_view line) const {
    return lines_.line() == 1 && (line.starts_with("\xff\xfe") || line.starts_with("\xfe\xff"));
  }

  void problem(int column, std::string message, std::string expected = {}, std::string got = {}) {
    problems_.push_back({.file = file_,
                         .line = lines_.line(),
                         .column = column,
                         .message = std::move(message),
                         .expected = std::move(expected),
                         .got = std::move(got)});
  }

  void text_line(std::string_view line) {
    Item item = builder_.next_item();
    if (const std::size_t nul = line.find('\0'); nul != std::string_view::npos) {
      return problem(column_at(line, nul), "a NUL character in a prompt", "text");
    }
    if (const std::size_t cr = line.find('\r'); cr != std::string_view::npos) {
      return problem(column_at(line, cr), "a carriage return within a line", "lines that end in LF or CRLF");
    }
    item.request.prompt = line;
    item.line = lines_.line();
    item.column = 1;
    builder_.add(std::move(item), {.line = lines_.line(), .column = 1}, {});
  }

  void json_line(std::string_view line) {
    Item item = builder_.next_item();
    item.line = lines_.line();
    item.column = column_at(line, line.find_first_not_of(" \t"));
    if (const std::optional<JsonFault> fault = parse_json_line(line, fields_)) {
      return problem(column_at(line, fault->offset), fault->message);
    }
    if (is_frozen_item(fields_)) return frozen_line(line, std::move(item));
    const std::size_t before = problems_.size();
    const RequestPlaces places = requests_.read(line, fields_, item);
    if (places.negative_prompt) {
      item.request.negative_prompt = builder_.final_negative_prompt(item.request.negative_prompt);
    }
    if (problems_.size() == before) builder_.add(std::move(item), places.id, places.size);
  }

  /// All of it is final: neither defaults nor the preset's negative prompt apply.
  void frozen_line(std::string_view line, Item item) {
    if (const std::optional<FrozenFault> fault = read_frozen_item(line, fields_, item)) {
      return problem(column_at(line, fault->offset), "not a frozen item", fault->expected, fault->got);
    }
    item.key.clear();
    builder_.add(std::move(item), {.line = lines_.line(), .column = 1}, {});
  }

  std::string file_;
  LineReader lines_;
  ListBuilder builder_;
  JsonRequestReader requests_;
  std::vector<Problem>& problems_;
  std::size_t before_;
  std::vector<JsonField> fields_;
};

}  // namespace

PromptList read_prompt_list(const registry::ByteSource& source, ListFormat format,
                            const ItemDefaults& defaults, std::vector<Problem>& problems) {
  return ListReader{source, defaults, problems}.read(format);
}

ListBuilder::ListBuilder(const ItemDefaults& defaults) : suffix_(defaults.negative_prompt_suffix) {
  prototype_.request = defaults.request;
  prototype_.request.negative_prompt = final_negative_prompt(defaults.request.negative_prompt);
}

Item ListBuilder::next_item() {
  Item item = prototype_;
  item.request.id = generated_id(positions_++);
  return item;
}

void ListBuilder::add(Item item, TextPlace id_place, SizedItem size) {
  const configs::Request& request = item.request;
  if (seen_sizes_.insert({request.width, request.height, request.frames}).second) {
    size.item = list_.items.size();
    list_.sizes.push_back(size);
  }
  list_.id_places.push_back(id_place);
  list_.items.push_back(std::move(item));
}

std::string ListBuilder::final_negative_prompt(std::string_view users) const {
  std::string text{users};
  if (!text.empty() && !suffix_.empty()) text += ' ';
  return text + suffix_;
}

PromptList ListBuilder::finish(const std::string& file, std::size_t most, std::vector<Problem>& problems) {
  const std::vector<Item>& items = list_.items;
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&items](std::size_t a, std::size_t b) {
    const int compared = items[a].request.id.compare(items[b].request.id);
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<std::pair<std::size_t, std::size_t>> taken;  // the later item, the first of its id
  std::size_t first = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (items[order[i]].request.id == items[order[first]].request.id) {
      taken.emplace_back(order[i], order[first]);
    } else {
      first = i;
    }
  }
  std::sort(taken.begin(), taken.end());
  if (taken.size() > most) taken.resize(most);
  for (const auto& [later, earlier] : taken) {
    const TextPlace place = list_.id_places[later];
    problems.push_back({.file = file,
                        .line = place.line,
                        .column = place.column,
                        .message = "the id " + items[later].request.id + " is already that of line " +
                                   std::to_string(items[earlier].line),
                        .expected = "an id of its own"});
  }
  return std::move(list_);
}

}  // namespace ditmill::jobs
