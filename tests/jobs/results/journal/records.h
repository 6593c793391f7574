#pragma once

#include <cstdint>
#include <string>

#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

// Records as tests write them: the item of key "k" has the id "id-k".

inline Record start(const std::string& key, double time, int attempt = 1) {
  return {.time = time, .event = Event::start, .item = "id-" + key, .key = key, .attempt = attempt};
}

inline Record done(const std::string& key, double time, const std::string& part, std::uint64_t bytes = 4,
                   const std::string& content = "c") {
  return {.time = time,
          .event = Event::done,
          .item = "id-" + key,
          .key = key,
          .part = part,
          .part_bytes = bytes,
          .content = content};
}

inline Record failed(const std::string& key, double time, const std::string& reason) {
  return {.time = time, .event = Event::failed, .item = "id-" + key, .key = key, .reason = reason};
}

}  // namespace ditmill::jobs::results
