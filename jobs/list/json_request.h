#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "jobs/list/json_line.h"
#include "jobs/list/list_builder.h"
#include "jobs/list/request_fields.h"

namespace ditmill::jobs {

/// Reads the fields of a line of JSON into a draft whose defaults, line and column are set: the known ones
/// into its request, the others into its metadata. A field within edit distance 2 of a known one is a
/// problem. Each problem is at its value, or at the key if the key is at fault. One reader reads all lines of
/// a list.
class JsonRequestReader {
 public:
  /// `problems` outlives the reader.
  JsonRequestReader(std::string file, std::vector<Problem>& problems);

  RecordPlaces read(std::string_view line, const std::vector<JsonField>& fields, ItemDraft& item);

 private:
  std::string file_;
  std::vector<Problem>* problems_;
  RequestFields fields_;
};

}  // namespace ditmill::jobs
