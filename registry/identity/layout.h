#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/key_hash.h"

namespace ditmill::registry {

/// One dimension of a layout: a number times hyper-parameters ("6*dim").
struct LayoutSize {
  std::uint64_t factor = 1;
  std::vector<std::string> symbols;
};

/// One or, with an index, many tensors of a layout: `blocks.{layers}.norm2.weight`, layers = 0 .. layers-1.
struct LayoutTensor {
  std::string before;  ///< the name up to the index, or all of it
  std::string index;   ///< the hyper-parameter that counts; empty: a single tensor
  std::string after;
  std::vector<LayoutSize> shape;
  bool optional = false;

  std::string name(std::uint64_t number) const;
};

/// How tensors of a layout get the names that the family's layers know.
struct NameRule {
  std::regex from;  ///< found anywhere in the name
  std::string to;   ///< takes its place, `$1` to `$9` are its groups; empty: the tensor is not used
  std::size_t part = 0;
  std::size_t parts = 1;  ///< tensors joined to one, each the part of another rule
  std::size_t dim = 0;    ///< along which they are joined
};

/// How the tensors of a component are named and shaped: data of catalog files.
struct Layout {
  std::string family;
  std::string role;
  std::string layout;
  std::vector<LayoutTensor> marks;  ///< without shapes: what has them all is of this layout
  std::vector<LayoutTensor> tensors;
  /// Each in turn changes what the one before it left. Empty: the names are the layers' own.
  std::vector<NameRule> names;
};

/// Reads a tensor name of a layout: lists `{0,1}` give a tensor each. Nothing if it is malformed.
std::optional<std::vector<LayoutTensor>> parse_layout_name(std::string_view text);
/// Reads a size of a layout. Nothing if it is malformed.
std::optional<LayoutSize> parse_layout_size(std::string_view text);

/// Names and shapes of a component, ordered by name, to look names up. The tensors outlive it.
class ShapeTable {
 public:
  explicit ShapeTable(std::vector<NamedShape> tensors);

  const NamedShape* find(std::string_view name) const;
  /// 1 + the largest number behind `prefix` and before a dot or the end, or 0; numbers over the count of
  /// tensors are not numbers of layers.
  std::uint64_t count(std::string_view prefix) const;
  std::span<const NamedShape> tensors() const noexcept { return tensors_; }

 private:
  std::vector<NamedShape> tensors_;
};

/// Whether a component has all the marks of a layout.
bool matches(const Layout& layout, const ShapeTable& shapes);
/// The hyper-parameters that shapes tell. One that shapes contradict or do not tell is left out.
nlohmann::json solve(const Layout& layout, const ShapeTable& shapes);

/// A tensor that a layout expects for given hyper-parameters.
struct ExpectedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  bool optional = false;
};

/// All tensors that a layout expects, ordered by name; nothing if a hyper-parameter is missing or out of
/// bounds.
std::optional<std::vector<ExpectedTensor>> expand(const Layout& layout,
                                                  const nlohmann::json& hyper_parameters);

}  // namespace ditmill::registry
