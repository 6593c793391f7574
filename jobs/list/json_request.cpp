#include "jobs/list/json_request.h"

namespace ditmill::jobs {
namespace {

constexpr std::size_t max_shown = 80;

RecordField record_field(const JsonField& field) {
  return {.name = field.key,
          .kind = field.kind,
          .raw = field.raw,
          .text = field.kind == JsonKind::string ? json_text(field.raw) : std::string{},
          .key_offset = field.key_offset,
          .value_offset = field.value_offset};
}

}  // namespace

JsonRequestReader::JsonRequestReader(std::string file, std::vector<Problem>& problems)
    : file_(std::move(file)), problems_(&problems), fields_(file_, problems) {}

RecordPlaces JsonRequestReader::read(std::string_view line, const std::vector<JsonField>& fields,
                                     ItemDraft& item) {
  std::string metadata;
  bool has_prompt = false;
  fields_.begin(line, item);
  for (const JsonField& field : fields) {
    std::string_view known = field.key;
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
        known = fields_.nearest_to(field.key);
        fields_.problem(field.key_offset, "unknown field " + printable(field.key, max_shown),
                        "a known field, or metadata under a name that is not so near to one", {},
                        std::string{known});
        break;
    }
    has_prompt = has_prompt || known == "prompt";
  }
  if (!has_prompt) {
    problems_->push_back({.file = file_,
                          .line = item.line,
                          .column = item.column,
                          .message = "prompt is missing",
                          .expected = "a field prompt"});
  }
  if (!metadata.empty()) item.metadata = metadata + "}";
  return fields_.end();
}

}  // namespace ditmill::jobs
