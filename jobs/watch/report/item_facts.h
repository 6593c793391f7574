#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "jobs/results/listing/listing.h"
#include "jobs/results/store/hdf5/h5_attribute.h"
#include "jobs/watch/report/stages.h"

namespace ditmill::jobs::watch {

/// What a page shows of finished items, gathered a block at a time: configurations that items share are
/// written once.
class ItemFacts {
 public:
  /// An item by what its part says of it; attributes that are missing stay empty. The reference is good until
  /// the next call: whoever has its pictures adds "sprite": [width, height, frames].
  nlohmann::json& add(std::size_t number, const results::ListedItem& item,
                      const results::h5::Attributes& attributes);
  /// An item whose part cannot be read, and why.
  void add_unreadable(std::size_t number, const results::ListedItem& item, const std::string& why);

  std::size_t size() const noexcept { return items_.size(); }
  /// The block {"items", "configs"} of what was added since the last call.
  nlohmann::json take();

 private:
  nlohmann::json config_number(const std::string& config_json);

  nlohmann::json items_ = nlohmann::json::array();
  nlohmann::json new_configs_ = nlohmann::json::array();
  std::map<std::string, std::size_t> configs_;
};

/// An item's seconds by stage, from its attributes.
StageSeconds stage_seconds(const results::h5::Attributes& attributes);

}  // namespace ditmill::jobs::watch
