#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ditmill::models {

/// A field of a protocol buffers message.
struct WireField {
  std::uint32_t number = 0;
  std::uint64_t value = 0;      ///< of a varint or a fixed-width field
  std::string_view bytes = {};  ///< of a length-delimited field
  std::uint64_t offset = 0;     ///< of the field's payload, from the start of the file
};

/// Reads a message field by field without copying. Throws Error(bad_input) naming the file's offset where a
/// field does not fit into the message, or is of a kind that the format has given up.
class WireReader {
 public:
  /// `offset`: where the message starts in the file.
  explicit WireReader(std::string_view message, std::uint64_t offset = 0) : rest_(message), offset_(offset) {}

  /// The next field, or none at the end of the message.
  std::optional<WireField> next();

 private:
  std::uint64_t varint();
  std::string_view take(std::uint64_t size);

  std::string_view rest_;
  std::uint64_t offset_;
};

/// An Error(bad_input) about the bytes of spiece.model.
[[noreturn]] void refuse_model(std::uint64_t offset, std::string expected, std::string got,
                               std::string hint = "the file is cut or damaged: fetch it again");

}  // namespace ditmill::models
