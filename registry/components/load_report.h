#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "configs/error.h"
#include "registry/component.h"
#include "registry/components/bound_tensors.h"
#include "registry/components/component_type.h"

namespace ditmill::registry {

enum class Severity { note, warning, error };

/// One thing that is to be said of a component, or of its model.
struct Finding {
  Severity severity = Severity::note;
  std::string text;
};

/// What was read with `read`.
struct ReadThrough {
  std::uint64_t bytes = 0;
  double seconds = 0;
};

/// A component as its loader found it.
struct LoadedComponent {
  std::string name;
  std::string library = {};     ///< as the index says; empty: it says nothing
  std::string class_name = {};  ///< the same; else what its own configuration says
  std::string path;
  const ComponentType* type = nullptr;
  /// Its files, configuration and identity, as far as it has them.
  Component component = {};
  bool bound = false;  ///< its tensors were set beside a layout of the catalog; false: it has none
  std::string architecture =
      {};                   ///< of that layout; empty: one that a catalog of an earlier version describes
  std::string layout = {};  ///< its name; else what its identity says
  BoundTensors tensors = {};
  std::string quantization = {};  ///< how its weights are packed; empty: not at all
  std::vector<Finding> findings = {};
  std::vector<std::string> tokenizer_files = {};  ///< of a tokenizer: those that hold all of it
  std::optional<ReadThrough> read = {};
  int unread = 0;  ///< the exit code of what could not be read; 0: all was

  void say(Severity severity, std::string text) { findings.push_back({severity, std::move(text)}); }
  /// What could not be read, and what is wrong with it.
  void cannot_read(const Error& error);
  Severity verdict() const noexcept;
};

/// What `weights load` says of a model.
struct LoadReport {
  std::string path;
  std::string layout;  ///< diffusers, official, component
  std::string index;   ///< the file that declares the components; empty: none does
  std::vector<LoadedComponent> components = {};
  std::vector<std::string> absent = {};  ///< components that the index says there are none of
  std::vector<Finding> findings = {};    ///< of the model

  /// The component of that name, or null.
  LoadedComponent* find(std::string_view name) noexcept;
  Severity verdict() const noexcept;
  /// 0: nothing is wrong, 1 (3: by the machine's fault): something cannot be read, 2: a component is wrong.
  int exit_code() const noexcept;
};

/// The first few of a list of names, and how many more there are.
std::string some_names(const std::vector<std::string>& names);
/// {path, layout, index, verdict, components: [...], absent, findings}: every name of every list.
nlohmann::json to_json(const LoadReport& report);
/// A line a component, with what is to be said of it below: of long lists the first names, and how many more.
std::string load_text(const LoadReport& report);

}  // namespace ditmill::registry
