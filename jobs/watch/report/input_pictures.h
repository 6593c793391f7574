#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "configs/field.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/store/hdf5/h5_attribute.h"

namespace ditmill::jobs::watch {

/// The pictures that items began with, small: each file is looked at once.
class InputPictures {
 public:
  explicit InputPictures(results::RunDirectory run) : run_(std::move(run)) {}

  /// [{"field", "path", "picture"}] of an item's inputs_json; the picture as a data URL, null where the file
  /// is gone, has changed, or is no picture any more.
  nlohmann::json of(const results::h5::Attributes& attributes);

 private:
  const std::string& picture(const std::string& field, const configs::FileValue& file);

  results::RunDirectory run_;
  std::map<std::string, std::string> pictures_;  ///< data URLs by digest; empty: none
};

}  // namespace ditmill::jobs::watch
