#include "jobs/requests/list/csv_request.h"

#include <algorithm>
#include <string_view>

#include "configs/error.h"
#include "configs/other_names.h"
#include "configs/shell_word.h"
#include "configs/text_encoding.h"
#include "jobs/requests/text/json_line.h"

namespace ditmill::jobs::requests {
namespace {

JsonKind kind_of(std::string_view name, std::string_view cell) {
  if (configs::is_text_field(name)) return JsonKind::string;
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

CsvRequestReader::CsvRequestReader(std::string file, const ItemDefaults& defaults,
                                   std::vector<Problem>& problems, CountedWarnings& warnings)
    : file_(std::move(file)),
      problems_(&problems),
      warnings_(&warnings),
      fields_(file_, defaults, problems, warnings) {}

bool CsvRequestReader::read_header(const CsvRecord& record) {
  ItemDraft header{.line = record.line(), .column = 1};
  const std::size_t before = problems_->size();
  bool has_prompt = false;
  fields_.begin(record.text(), header);
  for (const CsvField& cell : record.fields()) {
    const RequestFields::Meaning meaning = fields_.meaning_of(cell.text);
    const bool twice = std::any_of(columns_.begin(), columns_.end(),
                                   [&cell](const Column& column) { return column.name == cell.text; });
    if (twice && !cell.text.empty()) {
      fields_.problem(cell.offset, "the column " + printable(cell.text, max_shown) + " is there twice");
    } else if (meaning == RequestFields::Meaning::mistake) {
      fields_.refuse(cell.text, cell.offset, "column",
                     "under the name metadata." + printable(cell.text, max_shown));
    } else {
      look_at_name(record, cell);
    }
    has_prompt = has_prompt || cell.text == "prompt" || fields_.field_meant(cell.text) == "prompt";
    columns_.push_back({cell.text, meaning == RequestFields::Meaning::metadata});
  }
  if (!has_prompt) report_missing_prompt(record);
  return problems_->size() == before;
}

void CsvRequestReader::look_at_name(const CsvRecord& record, const CsvField& cell) {
  const bool first = &cell == record.fields().data();
  if (cell.text.empty()) {
    fields_.problem(cell.offset, "a column without a name",
                    first ? "a name for each column of the header; where it holds row numbers, the table "
                            "written without them: df.to_csv(FILE, index=False)"
                          : "a name for each column of the header, and no empty columns at its end");
  } else if (cell.text.starts_with("Unnamed: ")) {
    warnings_->add({.file = file_,
                    .line = record.line(),
                    .column = fields_.place(cell.offset).column,
                    .message = "the column " + printable(cell.text, max_shown) +
                               " is what a data frame calls one without a name: kept as metadata",
                    .expected = "the table written without row numbers: df.to_csv(FILE, index=False)"},
                   "unnamed");
  }
}

void CsvRequestReader::report_missing_prompt(const CsvRecord& record) {
  std::string expected = "a first line that names the columns";
  const auto other = std::find_if(record.fields().begin(), record.fields().end(), [](const CsvField& cell) {
    return configs::is_called_prompt(cell.text) && is_plain_word(cell.text);
  });
  if (other != record.fields().end()) {
    expected += ", " + other->text + " as prompt: sed '1s/\\b" + other->text + "\\b/prompt/' " +
                shell_word(file_) + " > " + shell_word(beside_file(file_, "-renamed"));
  }
  fields_.problem(0, "the header has no column prompt", std::move(expected),
                  printable(record.text(), max_shown));
}

RecordPlaces CsvRequestReader::read(const CsvRecord& record, ItemDraft& item) {
  const std::vector<CsvField>& cells = record.fields();
  fields_.begin(record.text(), item);
  if (cells.size() != columns_.size()) {
    const auto count = [](std::size_t fields) {
      return std::to_string(fields) + (fields == 1 ? " field" : " fields");
    };
    fields_.problem(
        0, "the record has not as many fields as the header",
        count(columns_.size()) + (cells.size() > columns_.size()
                                      ? "; one with a comma in it has to be put into double quotes"
                                      : ""),
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

}  // namespace ditmill::jobs::requests
