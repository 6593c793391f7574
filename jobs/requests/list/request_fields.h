#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/bounds.h"
#include "configs/error.h"
#include "configs/other_names.h"
#include "configs/request.h"
#include "jobs/requests/items/list_builder.h"
#include "jobs/requests/text/counted_warnings.h"
#include "jobs/requests/text/json_line.h"

namespace ditmill::jobs::requests {

/// A known field of a record, as its format wrote it.
struct RecordField {
  std::string_view name;
  JsonKind kind = JsonKind::string;  ///< of a cell that looks like a number, that number's
  std::string_view raw;              ///< as it is written
  std::string text = {};             ///< of a string
  std::size_t key_offset = 0;        ///< bytes from the start of the record
  std::size_t value_offset = 0;
};

/// Reads the known fields of a list's records into drafts: typed, bounded, with each problem at its value. It
/// serves all formats, and all records of a list.
class RequestFields {
 public:
  enum class Meaning { request, metadata, mistake };

  /// `defaults`, `problems` and `warnings` outlive the reader.
  RequestFields(std::string file, const ItemDefaults& defaults, std::vector<Problem>& problems,
                CountedWarnings& warnings);

  /// What a field of that name is: a known one, metadata, or a mistake: within edit distance 2 of a known
  /// one, a setting of another section, or what other tools call a field or setting of ours.
  Meaning meaning_of(std::string_view name);
  /// The known field that such a mistake stands for; "" if it is none.
  std::string field_meant(std::string_view name);
  /// Says what is wrong with a name that is such a mistake. `written` is "field" or "column"; `as_metadata`
  /// says how to keep it all the same.
  void refuse(std::string_view name, std::size_t offset, const std::string& written,
              const std::string& as_metadata);
  /// The names that are metadata, in the order that they came in: the first thousand.
  const std::vector<std::string>& metadata_names() const noexcept { return metadata_names_; }

  /// Starts on a record that begins on item.line. Both outlive end().
  void begin(std::string_view record, ItemDraft& item);
  void read(const RecordField& field);
  /// Ends it: what its fields are together.
  RecordPlaces end();

  /// A problem at a byte of the record: on its first line, which names it, or without a column.
  void problem(std::size_t offset, std::string message, std::string expected = {}, std::string got = {},
               std::string nearest = {});
  TextPlace place(std::size_t offset) const;

 private:
  bool read_text(const RecordField& field, std::string& out);
  bool read_word(const RecordField& field, std::string& out);
  void read_id(const RecordField& field);
  void read_seed(const RecordField& field);
  void read_resolution(const RecordField& field, std::string& out);
  void read_size(const RecordField& field, const configs::Field& known, std::string& out);
  template <typename Member>
  void read_member(const RecordField& field, const configs::Field& known, Member& member);
  void read_more(const RecordField& field, const configs::Field& known);
  void read_pinned_file(const RecordField& field, const configs::Field& known);
  template <typename T>
  bool read_number(const RecordField& field, T& out, configs::Bounds<T> bounds);
  bool wrong_type(const RecordField& field, std::string expected);
  /// Whether a field is there in name only: null, or the word of a data frame for a missing value.
  bool is_absent(const RecordField& field);

  /// What a name that is no field's stands for.
  struct Unknown {
    std::optional<configs::Setting> setting;
    std::string nearest;

    bool mistake() const noexcept { return setting.has_value() || !nearest.empty(); }
  };
  const Unknown& unknown(std::string_view name);

  std::string file_;
  const ItemDefaults* defaults_;
  std::vector<Problem>* problems_;
  CountedWarnings* warnings_;
  std::map<std::string, Unknown, std::less<>> unknown_;  ///< of names that are no field's
  Unknown not_remembered_;
  std::vector<std::string> metadata_names_;

  std::string_view record_;
  ItemDraft* item_ = nullptr;
  RecordPlaces places_;
  configs::GivenSizes given_;
  bool sizes_are_right_ = true;
  std::size_t resolution_key_ = 0;
  std::size_t aspect_ratio_key_ = 0;
};

}  // namespace ditmill::jobs::requests
