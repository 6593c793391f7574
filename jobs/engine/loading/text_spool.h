#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "models/encoded_text.h"
#include "models/family.h"
#include "registry/digest.h"

namespace ditmill::jobs::engine {

/// Where a spool holds what became of one text. Travels as its bytes, between ranks of one job.
struct SpooledText {
  registry::Leaf text{};     ///< XXH3-128 of the encoder's name and the text
  registry::Leaf content{};  ///< XXH3-128 of what is stored
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< bytes stored: a list of the tensors and these, or the text of an Error
  std::uint32_t file = 0;    ///< the rank that wrote it
  std::uint32_t list = 0;    ///< bytes of the list; 0: an Error
  std::uint32_t tokens = 0;  ///< of the whole text
  std::uint32_t cut = 0;     ///< of these, those that the encoder did not see
};
static_assert(sizeof(SpooledText) == 64, "no padding: bytes are compared and sent");

/// One rank's file of a spool: its only writer.
class TextSpoolWriter {
 public:
  /// Creates FOLDER/r00003; the folder is there. Throws Error: io, no_space.
  TextSpoolWriter(const std::string& folder, int rank);

  /// Stores a text, encoded, or the error that it ended in. Throws Error: io, no_space.
  void add(const models::TextTask& task, const models::EncodedText& encoded);
  void add(const models::TextTask& task, const Error& error);
  /// Closes the file: what it holds can be read by all from now on. Returns what add() was given, as
  /// bytes of SpooledTexts. Throws Error: io, no_space.
  std::string finish();

 private:
  void add(SpooledText entry, const models::TextTask& task, std::string_view bytes);

  results::durable::File file_;
  std::uint64_t offset_ = 0;
  std::uint32_t rank_;
  std::vector<SpooledText> index_;
};

/// The embeddings of a job's texts, on disk: written once by many ranks, read by all. A spool serves one
/// start of one job; nothing of it is durable.
class TextSpool {
 public:
  /// `index`: the bytes that all writers gave, one after the other.
  TextSpool(std::string folder, std::string_view index);

  /// A text, encoded. Throws the Error that it was stored with; io if what is read is not what was written;
  /// internal for a text that was never stored.
  models::EncodedText read(const models::TextTask& task) const;

  std::size_t size() const noexcept { return index_.size(); }
  std::uint64_t bytes() const noexcept;

  static std::string file_name(const std::string& folder, std::uint32_t rank);

 private:
  std::string folder_;
  std::vector<SpooledText> index_;  ///< sorted by text
};

}  // namespace ditmill::jobs::engine
