#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ditmill::jobs::run {

/// Something of a run that is not as it was written: an unreadable or altered byte, or files that contradict
/// each other.
struct Damage {
  std::string file;                     ///< relative to the run directory
  std::vector<std::string> items = {};  ///< ids that it touches; none: no item, or not known
  std::string dataset = {};             ///< frames, latents, video; empty: not one of them
  std::string what;
  int line = 0;  ///< of a journal

  bool operator==(const Damage&) const = default;
};

/// {file, items, dataset (or null), what}
nlohmann::json to_json(const Damage& damage);
Damage damage_from_json(const nlohmann::json& json);
/// One line: "FILE, item a, dataset frames: what".
std::string describe(const Damage& damage);

/// The first few of many ids: "a, b, c, d, e and 7 more".
std::string some_of(const std::vector<std::string>& ids);

}  // namespace ditmill::jobs::run
