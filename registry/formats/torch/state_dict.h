#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle_object.h"
#include "registry/formats/torch/pth.h"

namespace ditmill::registry {

/// Where the bytes of the storage of a key begin in the file.
using StorageBegin = std::function<std::uint64_t(std::string_view key)>;

/// Names the tensors of a dictionary by the paths of their keys, lists what else is in it, and hashes its
/// keys; all of PthHeader but header_bytes. Precondition: `storage_begin` knows every storage of the object.
/// Throws Error(bad_input): no dictionary, a name twice, empty, not UTF-8 or with control characters, nesting
/// over 200, over 1,000,000 items (of a short pickle: 1,000 and 8 a byte).
PthHeader read_state_dict(const PickleObject& object, const StorageBegin& storage_begin,
                          BoundedMemory& memory);

/// What has been visited of a dictionary and those in it: values that are used twice are visited twice, so
/// that a small pickle could keep a reader busy for days.
class VisitLimit {
 public:
  explicit VisitLimit(const PickleObject& object) : object_(object) {}

  /// Counts an item at a depth; refuses too many, too much text in keys, and too deep ones.
  void count(PickleValue key, unsigned depth);

 private:
  const PickleObject& object_;
  std::uint64_t items_ = 0;
  std::uint64_t text_bytes_ = 0;
};

}  // namespace ditmill::registry
