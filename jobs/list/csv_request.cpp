#include "jobs/list/csv_request.h"

#include <algorithm>
#include <string_view>

#include "jobs/list/json_line.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t max_shown = 80;

JsonKind kind_of(std::string_view name, std::string_view cell) {
  for (const std::string_view text : {"id", "prompt", "negative_prompt", "resolution", "aspect_ratio"}) {
    if (name == text) return JsonKind::string;
  }
  const std::string_view unsigned_cell = cell.substr(cell.starts_with('-') ? 1 : 0);
  if (unsigned_cell.empty() || unsigned_cell[0] < '0' || unsigned_cell[0] > '9') return JsonKind::string;
  if (unsigned_cell.find_first_not_of("0123456789") == std::string_view::npos) return JsonKind::integer;
  const bool real = unsigned_cell.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
  return real ? JsonKind::real : JsonKind::string;
}

RecordField record_field(std::string_view name, const CsvField& cell) {
  return {.name = name,
          .kind = kind_of(name, cell.text),
          .raw = cell.text,
          .text = cell.text,
          .key_offset = cell.offset,
          .value_offset = cell.offset};
}

}  // namespace

CsvRequestReader::CsvRequestReader(std::string file, std::vector<Problem>& problems)
    : file_(std::move(file)), problems_(&problems), fields_(file_, problems) {}

bool CsvRequestReader::read_header(const CsvRecord& record) {
  ItemDraft header{.line = record.line(), .column = 1};
  const std::size_t before = problems_->size();
  bool has_prompt = false;
  fields_.begin(record.text(), header);
  for (const CsvField& cell : record.fields()) {
    const RequestFields::Meaning meaning = fields_.meaning_of(cell.text);
    const std::string shown = printable(cell.text, max_shown);
    const bool twice = std::any_of(columns_.begin(), columns_.end(),
                                   [&cell](const Column& column) { return column.name == cell.text; });
    if (cell.text.empty()) {
      fields_.problem(cell.offset, "a column without a name", "a name for each column of the header");
    } else if (twice) {
      fields_.problem(cell.offset, "the column " + shown + " is there twice");
    } else if (meaning == RequestFields::Meaning::mistake) {
      fields_.problem(cell.offset, "unknown column " + shown,
                      "a known field, or metadata under a name that is not so near to one", {},
                      fields_.nearest_to(cell.text));
    }
    has_prompt = has_prompt || cell.text == "prompt" || fields_.nearest_to(cell.text) == "prompt";
    columns_.push_back({cell.text, meaning == RequestFields::Meaning::metadata});
  }
  if (!has_prompt) {
    fields_.problem(0, "the header has no column prompt", "a first line that names the columns",
                    printable(record.text(), max_shown));
  }
  return problems_->size() == before;
}

RecordPlaces CsvRequestReader::read(const CsvRecord& record, ItemDraft& item) {
  const std::vector<CsvField>& cells = record.fields();
  fields_.begin(record.text(), item);
  if (cells.size() != columns_.size()) {
    const auto count = [](std::size_t fields) {
      return std::to_string(fields) + (fields == 1 ? " field" : " fields");
    };
    fields_.problem(0, "the record has not as many fields as the header", count(columns_.size()),
                    count(cells.size()));
    return {};
  }
  std::string metadata;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto& [name, is_metadata] = columns_[i];
    if (!is_metadata) {
      if (!cells[i].text.empty() || name == "prompt") fields_.read(record_field(name, cells[i]));
    } else if (!cells[i].text.empty()) {
      metadata += metadata.empty() ? "{" : ",";
      append_json_string(metadata, name);
      metadata += ':';
      append_json_string(metadata, cells[i].text);
    }
  }
  if (!metadata.empty()) item.metadata = metadata + "}";
  return fields_.end();
}

}  // namespace ditmill::jobs
