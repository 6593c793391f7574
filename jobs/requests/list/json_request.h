#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "jobs/requests/items/list_builder.h"
#include "jobs/requests/list/request_fields.h"
#include "jobs/requests/text/json_line.h"

namespace ditmill::jobs::requests {

/// Reads the fields of a line of JSON into a draft whose defaults, line and column are set: the known ones
/// into its request, the others into its metadata, unless RequestFields takes them for a mistake. Each
/// problem is at its value, or at the key if the key is at fault. One reader reads all lines of a list.
class JsonRequestReader {
 public:
  /// `defaults`, `problems` and `warnings` outlive the reader.
  JsonRequestReader(std::string file, const ItemDefaults& defaults, std::vector<Problem>& problems,
                    CountedWarnings& warnings);

  RecordPlaces read(std::string_view line, const std::vector<JsonField>& fields, ItemDraft& item);
  const std::vector<std::string>& metadata_names() const noexcept { return fields_.metadata_names(); }

 private:
  void report_missing_prompt(const std::vector<JsonField>& fields, const ItemDraft& item);

  std::string file_;
  std::vector<Problem>* problems_;
  RequestFields fields_;
  bool told_cure_ = false;  ///< of a prompt under another name
};

}  // namespace ditmill::jobs::requests
