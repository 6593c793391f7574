#include "jobs/requests/list/json_request.h"

#include <algorithm>
#include <utility>

#include "configs/error.h"
#include "configs/other_names.h"
#include "jobs/requests/text/json_form.h"

namespace ditmill::jobs::requests {
namespace {

RecordField record_field(const JsonField& field) {
  return {.name = field.key,
          .kind = field.kind,
          .raw = field.raw,
          .text = field.kind == JsonKind::string ? json_text(field.raw) : std::string{},
          .key_offset = field.key_offset,
          .value_offset = field.value_offset};
}

}  // namespace

JsonRequestReader::JsonRequestReader(std::string file, const ItemDefaults& defaults,
                                     std::vector<Problem>& problems, CountedWarnings& warnings)
    : file_(std::move(file)), problems_(&problems), fields_(file_, defaults, problems, warnings) {}

RecordPlaces JsonRequestReader::read(std::string_view line, const std::vector<JsonField>& fields,
                                     ItemDraft& item) {
  std::string metadata;
  bool has_prompt = false;
  fields_.begin(line, item);
  for (const JsonField& field : fields) {
    bool is_prompt = field.key == "prompt";
    switch (fields_.meaning_of(field.key)) {
      case RequestFields::Meaning::request:
        fields_.read(record_field(field));
        break;
      case RequestFields::Meaning::metadata:
        metadata += metadata.empty() ? "{" : ",";
        metadata += field.raw_key;
        metadata += ':';
        append_compact(metadata, field.raw);
        break;
      case RequestFields::Meaning::mistake:
        is_prompt = fields_.field_meant(field.key) == "prompt";
        fields_.refuse(field.key, field.key_offset, "field",
                       "{\"metadata\": {" + printable(field.raw_key, max_shown) + ": ...}}");
        break;
    }
    has_prompt = has_prompt || is_prompt;
  }
  if (!has_prompt) report_missing_prompt(fields, item);
  if (!metadata.empty()) item.metadata = metadata + "}";
  return fields_.end();
}

void JsonRequestReader::report_missing_prompt(const std::vector<JsonField>& fields, const ItemDraft& item) {
  std::string expected = "a field prompt";
  const auto other = std::find_if(fields.begin(), fields.end(), [](const JsonField& field) {
    return field.kind == JsonKind::string && configs::is_called_prompt(field.key);
  });
  if (other != fields.end() && !std::exchange(told_cure_, true)) {
    expected += ", not " + printable(other->key, max_shown) + "; " +
                remedy_for({.form = JsonForm::lines, .prompt = other->key}, file_);
  }
  problems_->push_back({.file = file_,
                        .line = item.line,
                        .column = item.column,
                        .message = "prompt is missing",
                        .expected = std::move(expected)});
}

}  // namespace ditmill::jobs::requests
