#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry/byte_source.h"
#include "registry/tensor_info.h"

namespace ditmill::registry {

/// What a file of torch.save says of its tensors.
struct PthHeader {
  /// Ordered by begin, end, then name; may overlap, where tensors share a storage. A name is the path of the
  /// dictionaries' keys ("a.b"; a whole number is its digits). Strides are empty where a tensor is contiguous
  /// (row-major; also with at most one element, and whatever the strides of dimensions of 1).
  std::vector<TensorInfo> tensors;
  std::vector<std::string>
      others;                  ///< what is no tensor, as text: "epoch: a number"; 32 of them, then a count
  std::string key_hash;        ///< TeleFuser's, of the dictionary as it is nested
  std::string key_hash_names;  ///< the same of the names alone
  bool nested = false;         ///< a tensor lies in a dictionary below the top one
  std::uint64_t header_bytes =
      0;  ///< what was read to know all this: directory and data.pkl, or a stream's pickles
};

/// Reads a zip archive or a legacy stream of torch.save, by its first bytes, whatever the file's suffix.
/// Executes nothing, reads no storage, takes memory of 8 times header_bytes and 64 KiB at most. Throws
/// Error(bad_input) with the offset: README.md says for what.
PthHeader read_pth_header(const ByteSource& source);
/// Whether a file begins as a zip archive or a pickle of protocol 2 to 5 does.
bool looks_like_pth(const ByteSource& source);

}  // namespace ditmill::registry
