#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "configs/bounds.h"
#include "configs/error.h"
#include "configs/request.h"
#include "jobs/item.h"
#include "jobs/json_line.h"
#include "jobs/prompt_list.h"

namespace ditmill::jobs {

/// What a line of a `.jsonl` list said, beyond its values.
struct RequestPlaces {
  TextPlace id = {};  ///< of its id, or of the record if it has none
  SizedItem size = {};
  bool negative_prompt = false;  ///< whether it has one of its own
};

/// Reads the fields of a line into an item whose defaults, line and column are set: the known ones into its
/// request, the others into its metadata. A field within edit distance 2 of a known one is a problem. Each
/// problem is at its value, or at the key if the key is at fault. One reader reads all lines of a list.
class JsonRequestReader {
 public:
  /// `problems` outlives the reader.
  JsonRequestReader(std::string file, std::vector<Problem>& problems);

  RequestPlaces read(std::string_view line, const std::vector<JsonField>& fields, Item& item);

 private:
  struct Line;
  enum class Meaning { request, metadata, mistake };

  Meaning meaning_of(const Line& line, const JsonField& field);
  std::string misspelt(const std::string& key);
  void read_field(const Line& line, const JsonField& field, configs::Request& request, RequestPlaces& places);
  bool read_text(const Line& line, const JsonField& field, std::string& out);
  void read_id(const Line& line, const JsonField& field, std::string& out);
  void read_seed(const Line& line, const JsonField& field, std::int64_t& out);
  template <typename T>
  bool read_number(const Line& line, const JsonField& field, T& out, configs::Bounds<T> bounds);
  void problem(const Line& line, std::size_t offset, std::string message, std::string expected = {},
               std::string got = {}, std::string nearest = {});
  bool wrong_type(const Line& line, const JsonField& field, std::string expected);

  std::string file_;
  std::vector<Problem>* problems_;
  std::map<std::string, std::string>
      nearest_;  ///< known fields near those that are none, "" if there are none
};

}  // namespace ditmill::jobs
