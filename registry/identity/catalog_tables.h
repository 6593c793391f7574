#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "registry/identity/layout.h"

namespace ditmill::registry {

/// What read_catalog() says of registry/catalog/*.yaml, as the build writes it down (catalog_compiler.cpp),
/// so that starting reads no YAML. Texts are those of the fields of layout.h and catalog.h.
namespace tables {

struct Tensor {
  const char* before;
  const char* index;
  const char* after;
  const char* shape;  ///< `6*dim,dim`
  const char* when;
  bool optional;
  int cut;
  const char* unit;
  Stage stage;
  std::size_t list;
  bool float32;
};

struct Pair {
  const char* file;
  const char* layer;
  std::size_t part;
  std::size_t parts;
};

struct Layout {
  const char* architecture;
  const char* family;
  const char* role;
  const char* layout;
  std::span<const char* const> marks;
  std::span<const Tensor> tensors;
  std::span<const Pair> pairs;
  const char* config;
  const char* tiny;
};

struct Entry {
  const char* name;
  const char* family;
  const char* role;
  const char* layout;
  const char* architecture;
  const char* key_hash;
  const char* key_hash_names;
  const char* preset;
  const char* hyper_parameters;  ///< JSON
  std::span<const char* const> expert_folders;
  std::span<const char* const> words;
  std::uint64_t parameters;
  const char* origin;
  const char* defect;
  const char* file;
  int line;
  int column;
  const char* source;
};

std::span<const Layout> layouts();
std::span<const Layout> architectures();
std::span<const Entry> entries();
std::span<const char* const> families();  ///< each as family_text() writes it

}  // namespace tables
}  // namespace ditmill::registry
