#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "jobs/requests/items/list_builder.h"
#include "jobs/requests/list/request_fields.h"
#include "jobs/requests/text/csv_record.h"

namespace ditmill::jobs::requests {

/// Reads the records of a `.csv` list: the first names the columns, the others are items. Columns mean what
/// fields of a `.jsonl` list mean; an empty cell is a field that is not given; a column that is no field is
/// metadata (a string), unless RequestFields takes its name for a mistake.
class CsvRequestReader {
 public:
  /// `defaults`, `problems` and `warnings` outlive the reader.
  CsvRequestReader(std::string file, const ItemDefaults& defaults, std::vector<Problem>& problems,
                   CountedWarnings& warnings);

  bool has_header() const noexcept { return !columns_.empty(); }
  /// Whether the header is right: without one, no record can be read.
  bool read_header(const CsvRecord& record);
  /// Reads a record into a draft whose defaults, line and column are set.
  RecordPlaces read(const CsvRecord& record, ItemDraft& item);
  const std::vector<std::string>& metadata_names() const noexcept { return fields_.metadata_names(); }

 private:
  /// A column without a name, or that a data frame has named.
  void look_at_name(const CsvRecord& record, const CsvField& cell);
  void report_missing_prompt(const CsvRecord& record);

  struct Column {
    std::string name;
    bool metadata = false;
  };

  std::string file_;
  std::vector<Problem>* problems_;
  CountedWarnings* warnings_;
  RequestFields fields_;
  std::vector<Column> columns_;
};

}  // namespace ditmill::jobs::requests
