#include "jobs/requests/list/prompt_list.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "configs/text_encoding.h"
#include "configs/utf8.h"
#include "jobs/requests/items/frozen_item.h"
#include "jobs/requests/list/csv_request.h"
#include "jobs/requests/list/json_request.h"
#include "jobs/requests/text/csv_dialect.h"
#include "jobs/requests/text/csv_record.h"
#include "jobs/requests/text/json_form.h"
#include "jobs/requests/text/json_line.h"
#include "jobs/requests/text/line_reader.h"

namespace ditmill::jobs::requests {
namespace {

/// A record of more bytes is more likely a quote that is never closed.
constexpr std::size_t max_record = LineReader::default_max_line;

class ListReader {
 public:
  ListReader(const registry::ByteSource& source, const ItemDefaults& defaults, std::vector<Problem>& problems)
      : file_(source.label()),
        source_(source),
        lines_(source),
        builder_(file_, defaults, problems),
        requests_(file_, defaults, problems, builder_.warnings()),
        csv_requests_(file_, defaults, problems, builder_.warnings()),
        problems_(problems),
        before_(problems.size()) {}

  PromptList read(ListFormat format) {
    std::string_view line;
    while (!stop_ && !hopeless() && next(line)) {
      if (const std::string_view utf16 = utf16_encoding(line); lines_.line() == 1 && !utf16.empty()) {
        problem(0, "not UTF-8 but UTF-16 text", "UTF-8: " + conversion(utf16, file_));
        break;
      }
      const std::size_t invalid = utf8::find_invalid(line);
      const bool is_text = invalid == std::string_view::npos;
      if (!is_text) {
        const bool first = !std::exchange(told_conversion_, true);
        problem(csv_.open() ? 0 : column_at(line, invalid), "not UTF-8 text",
                first ? "UTF-8; of Windows' CP1252: " + conversion("CP1252", file_) : "UTF-8",
                "byte " + printable(line.substr(invalid, 1)));
      }
      if (format == ListFormat::csv) {
        csv_line(line, is_text);
      } else if (!is_text) {
        builder_.next_item();
      } else if (!is_blank(line)) {
        format == ListFormat::text ? text_line(line) : json_line(line);
      }
    }
    if (csv_.open() && !stop_ && !hopeless()) problem(0, "a quoted field that is never closed");
    PromptList list = builder_.finish(max_list_problems - found());
    list.metadata_names =
        format == ListFormat::csv ? csv_requests_.metadata_names() : requests_.metadata_names();
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

  void problem(int column, std::string message, std::string expected = {}, std::string got = {}) {
    problems_.push_back({.file = file_,
                         .line = csv_.open() ? csv_.line() : lines_.line(),
                         .column = column,
                         .message = std::move(message),
                         .expected = std::move(expected),
                         .got = std::move(got)});
  }

  void text_line(std::string_view line) {
    ItemDraft item = builder_.next_item();
    if (const std::size_t nul = line.find('\0'); nul != std::string_view::npos) {
      return problem(column_at(line, nul), "a NUL character in a prompt", "text");
    }
    if (const std::size_t cr = line.find('\r'); cr != std::string_view::npos) {
      return problem(column_at(line, cr), "a carriage return within a line", "lines that end in LF or CRLF");
    }
    builder_.odd_prompts().look_at_line(line, lines_.line());
    item.draft.request.prompt = line;
    item.line = lines_.line();
    item.column = 1;
    builder_.add(std::move(item), {.id = {.line = lines_.line(), .column = 1}});
  }

  void json_line(std::string_view line) {
    ItemDraft item = builder_.next_item();
    item.line = lines_.line();
    item.column = column_at(line, line.find_first_not_of(" \t"));
    const std::optional<JsonFault> fault = parse_json_line(line, fields_);
    if (!std::exchange(seen_json_, true) && is_no_list(fault.has_value())) {
      stop_ = true;
      return problem(item.column, "not a JSON object a line",
                     remedy_for(json_shape(beginning_of(source_)), file_));
    }
    if (fault) return json_fault(line, *fault);
    if (is_frozen_item(fields_)) return frozen_line(line);
    const std::size_t before = problems_.size();
    const RecordPlaces places = requests_.read(line, fields_, item);
    if (problems_.size() == before) builder_.add(std::move(item), places);
  }

  /// Whether the file is JSON of another form, as its first line shows.
  bool is_no_list(bool faulty) const {
    const bool has_prompt = std::any_of(fields_.begin(), fields_.end(), [](const JsonField& field) {
      return field.key == "prompt" && field.kind != JsonKind::object;
    });
    if (!faulty && (has_prompt || is_frozen_item(fields_))) return false;
    const JsonForm form = json_shape(beginning_of(source_)).form;
    return form != JsonForm::unknown && form != JsonForm::lines;
  }

  /// With the cure, the first time.
  void json_fault(std::string_view line, const JsonFault& fault) {
    const std::optional<JsonCure> cure = cure_of(line, fault.offset, file_);
    if (!cure) return problem(column_at(line, fault.offset), fault.message);
    const bool first = !std::exchange(told_cure_, true);
    problem(column_at(line, fault.offset), cure->message, first ? cure->remedy : "");
  }

  /// All of it is final: neither defaults nor the preset's negative prompt apply.
  void frozen_line(std::string_view line) {
    Item item{.line = lines_.line(), .column = 1};
    if (const std::optional<FrozenFault> fault = read_frozen_item(line, fields_, item)) {
      return problem(column_at(line, fault->offset), "not a frozen item", fault->expected, fault->got);
    }
    item.key.clear();
    builder_.add_final(item);
  }

  /// A line of a record, or all of it. A record with a line that is no text is read for its quotes alone.
  void csv_line(std::string_view line, bool is_text) {
    if (!csv_.open()) {
      if (is_blank(line)) return;
      if (!csv_requests_.has_header()) {
        if (const std::optional<CsvDialect> dialect = other_dialect(line, file_)) {
          stop_ = true;
          return problem(1, dialect->message, dialect->remedy);
        }
      }
      csv_is_text_ = true;
    }
    csv_is_text_ = csv_is_text_ && is_text;
    if (csv_.add(line, lines_.line(), lines_.line_end())) {
      csv_record();
    } else if (csv_.text().size() > max_record) {
      problem(0, "a record of over " + std::to_string(max_record) + " bytes", "a closing quote before that");
      stop_ = true;
    }
  }

  void csv_record() {
    const auto fault_of_record = [this](std::size_t offset, const char* message) {
      const bool first_line = csv_.text().substr(0, offset).find('\n') == std::string_view::npos;
      problems_.push_back({.file = file_,
                           .line = csv_.line(),
                           .column = first_line ? column_at(csv_.text(), offset) : 0,
                           .message = message});
    };
    if (csv_.fault()) fault_of_record(csv_.fault()->offset, csv_.fault()->message);
    const bool sound = csv_is_text_ && !csv_.fault();
    if (!csv_requests_.has_header()) {
      stop_ = !sound || !csv_requests_.read_header(csv_);
      return;
    }
    // Spreadsheets write rows of empty cells after the last.
    if (sound && std::ranges::all_of(csv_.fields(), &std::string::empty, &CsvField::text)) return;
    ItemDraft item = builder_.next_item();
    if (!sound) return;
    item.line = csv_.line();
    item.column = 1;
    const std::size_t before = problems_.size();
    const RecordPlaces places = csv_requests_.read(csv_, item);
    if (problems_.size() == before) builder_.add(std::move(item), places);
  }

  std::string file_;
  const registry::ByteSource& source_;
  LineReader lines_;
  ListBuilder builder_;
  JsonRequestReader requests_;
  CsvRecord csv_;
  bool csv_is_text_ = true;
  CsvRequestReader csv_requests_;
  std::vector<Problem>& problems_;
  std::size_t before_;
  bool seen_json_ = false;
  bool told_conversion_ = false;
  bool told_cure_ = false;
  bool stop_ = false;  ///< nothing that follows can be understood
  std::vector<JsonField> fields_;
};

}  // namespace

PromptList read_prompt_list(const registry::ByteSource& source, ListFormat format,
                            const ItemDefaults& defaults, std::vector<Problem>& problems) {
  return ListReader{source, defaults, problems}.read(format);
}

}  // namespace ditmill::jobs::requests
