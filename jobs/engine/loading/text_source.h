#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "models/encoded_text.h"
#include "models/family.h"

namespace ditmill::jobs::engine {

/// Where a group gets embeddings from: every rank of it asks for the same ones, in the same order.
struct TextSource {
  std::function<models::EncodedText(const models::TextTask& task)> encoded;
  std::vector<models::Encoding> encodings = {};  ///< the tasks of each request
  std::size_t cache_bytes = 0;                   ///< of embeddings that are kept
  bool ahead = false;  ///< a window's texts are made before its first item, where making them is the work
};

}  // namespace ditmill::jobs::engine
