#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ditmill::jobs::requests {

/// A field of a record: what its cell says, without the quotes.
struct CsvField {
  std::string text;
  std::size_t offset = 0;  ///< of the cell, in bytes from the start of the record
};

/// What is wrong with a record, and at which of its bytes.
struct CsvFault {
  std::size_t offset = 0;
  const char* message = "";
};

/// Takes records of comma-separated values (RFC 4180) apart, line by line: a quoted field may hold commas,
/// doubled quotes and line ends. Strict: a quote within a field that does not begin with one, text after a
/// closing quote, and a carriage return outside quotes are faults, which end the record with their line.
class CsvRecord {
 public:
  /// Adds the next line (without its end), `number` from 1, which ends with `line_end` ("" at the end of the
  /// file). Returns whether the record is complete; the line after that begins another.
  bool add(std::string_view line, int number, std::string_view line_end);

  bool open() const noexcept { return open_; }  ///< whether a quoted field goes on in the next line
  int line() const noexcept { return line_; }   ///< where the record begins
  std::string_view text() const noexcept { return text_; }  ///< as it is written
  const std::vector<CsvField>& fields() const noexcept { return fields_; }
  const std::optional<CsvFault>& fault() const noexcept { return fault_; }

 private:
  void begin_field(std::size_t offset);
  bool fail(std::size_t offset, const char* message);

  std::string text_;
  std::vector<CsvField> fields_;
  std::optional<CsvFault> fault_;
  int line_ = 0;
  bool open_ = false;
  bool closed_ = false;  ///< the field's closing quote has been seen
};

}  // namespace ditmill::jobs::requests
