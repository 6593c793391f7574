#include "jobs/requests/text/csv_record.h"

#include <algorithm>

namespace ditmill::jobs::requests {

void CsvRecord::begin_field(std::size_t offset) {
  fields_.push_back({.text = {}, .offset = offset});
  closed_ = false;
}

bool CsvRecord::fail(std::size_t offset, const char* message) {
  fault_ = {.offset = offset, .message = message};
  open_ = false;
  return true;
}

bool CsvRecord::add(std::string_view line, int number, std::string_view line_end) {
  if (!open_) {
    text_.clear();
    fields_.clear();
    fault_.reset();
    line_ = number;
    begin_field(0);
  }
  const std::size_t base = text_.size();
  text_ += line;
  for (std::size_t at = 0; at < line.size();) {
    std::string& field = fields_.back().text;
    const std::size_t end =
        std::min(open_ ? line.find('"', at) : line.find_first_of(",\"\r", at), line.size());
    if (closed_ && end > at)
      return fail(base + at, "text after the closing quote of a field: a quote within it is written twice");
    field.append(line, at, end - at);
    at = end + 1;
    if (end == line.size()) break;
    if (line[end] == ',') {
      begin_field(base + at);
    } else if (line[end] == '\r') {
      return fail(base + end, "a carriage return outside quotes");
    } else if (open_) {
      const bool doubled = at < line.size() && line[at] == '"';
      if (doubled) field += '"';
      at += doubled ? 1 : 0;
      open_ = doubled;
      closed_ = !doubled;
    } else if (closed_ || !field.empty()) {
      return fail(
          base + end,
          "a quote within a field that does not begin with one: put the field into quotes, and write each "
          "quote within it twice");
    } else {
      open_ = true;
    }
  }
  if (!open_) return true;
  text_ += line_end;
  fields_.back().text += line_end;
  return false;
}

}  // namespace ditmill::jobs::requests
