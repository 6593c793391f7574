#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/identity/model_folder.h"
#include "registry/tools/model_files.h"

namespace ditmill::registry {

/// A model folder that is being written, in a layout.
class TargetFolder {
 public:
  TargetFolder(std::string_view layout, std::string folder, const Catalog& catalog)
      : diffusers_(layout == "diffusers"), layout_(layout), folder_(std::move(folder)), catalog_(catalog) {}

  /// The file that a component's weights get, in a folder that is there then; its config.json is put beside
  /// it, in the fields of this layout. Throws Error: unsupported for an architecture that
  /// model folders do not hold, io.
  std::string place_for(const Component& component, const ComponentPlace& place, const Layout& to);
  /// Copies the tokenizer and other small files, which `copied` gets, and writes model_index.json if the
  /// layout has one. Throws Error(io).
  void finish(const ModelPlaces& places, std::vector<std::string>& copied);

 private:
  const Slot& slot_of(const Component& component, const Layout& to);
  void put_config(const Component& component, const Layout& to, const Slot& slot, const std::string& file);
  void copy(const std::string& from, const std::string& to);
  void write_json(const std::string& path, const nlohmann::json& value);

  bool diffusers_;
  std::string layout_;
  std::string folder_;
  const Catalog& catalog_;
  const FamilySlots* family_ = nullptr;
  std::vector<PlacedComponent> placed_;
  std::string variant_;           ///< of the transformer
  std::string hyper_parameters_;  ///< its own, as JSON
  std::vector<std::string> copied_;
};

}  // namespace ditmill::registry
