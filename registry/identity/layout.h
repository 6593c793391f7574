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

#include "registry/identity/name_pair.h"
#include "registry/key_hash.h"

namespace ditmill::registry {

/// Tensors of more dimensions are not described.
inline constexpr std::size_t most_dimensions = 8;

/// One dimension of a layout: a number times hyper-parameters ("6*dim").
struct LayoutSize {
  std::uint64_t factor = 1;
  std::vector<std::string> symbols;

  /// As catalog files have it.
  std::string text() const;
  bool operator==(const LayoutSize&) const = default;
};

/// Which pipeline stages hold a tensor; `block`: the one of the transformer's block that it is in.
enum class Stage { all, first, last, block };

/// One or, with an index, many tensors of a layout: `blocks.{layers}.norm2.weight`, layers = 0 .. layers-1.
struct LayoutTensor {
  std::string before;  ///< the name up to the index, or all of it
  std::string index;   ///< the hyper-parameter that counts; empty: a single tensor
  std::string after;
  std::vector<LayoutSize> shape;
  bool optional = false;
  std::string when = {};  ///< the hyper-parameter with which it is there; empty: always
  int cut = -1;           ///< the dimension that tp cuts; -1: none
  std::string unit = {};  ///< the hyper-parameter of how many rows stay together there; empty: 1
  Stage stage = Stage::all;
  std::size_t list = 0;  ///< of a block: which of the architecture's lists, in their order
  bool float32 = false;  ///< whatever dtype its component runs in

  std::string name(std::uint64_t number) const;
  /// The name as catalog files have it: `blocks.{layers}.norm2.weight`.
  std::string pattern() const { return index.empty() ? before : before + "{" + index + "}" + after; }
  bool operator==(const LayoutTensor&) const = default;
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
  std::string architecture;  ///< "wan_dit"; empty: one that a catalog of an earlier version describes
  std::string family;
  std::string role;
  std::string layout;
  std::vector<LayoutTensor> marks;  ///< without shapes: what has them all is of this layout
  std::vector<LayoutTensor> tensors;
  /// Each in turn changes what the one before it left.
  std::vector<NameRule> names;
  /// The pair with the longest beginning holds; a name without one is the layers' own.
  std::vector<NamePair> pairs;
  std::string config =
      {};  ///< JSON: what its config.json says (registry/catalog/README.md); empty: it has none
  /// Of an architecture: JSON, the hyper-parameters that a small model of it has instead.
  std::string tiny = {};

  /// Whether the files' names are the layers' own.
  bool names_layers() const noexcept { return names.empty() && pairs.empty(); }
};

/// A tensor that a layout states, and the number in the place of its index.
struct StatedTensor {
  const LayoutTensor* tensor = nullptr;  ///< null: the layout states none of that name
  std::uint64_t number = 0;
};
StatedTensor find_tensor(const Layout& layout, std::string_view name);

/// Reads a tensor name of a layout: lists `{q,k}` give a tensor each. Nothing if it is malformed.
std::optional<std::vector<LayoutTensor>> parse_layout_name(std::string_view text);
/// Reads a size of a layout. Nothing if it is malformed, or longer than 100 bytes.
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

/// The shape of a tensor of a layout; nothing if a hyper-parameter of it is missing.
std::optional<std::vector<std::uint64_t>> stated_shape(const LayoutTensor& tensor,
                                                       const nlohmann::json& hyper_parameters);

/// All tensors that a layout expects, ordered by name, without those whose hyper-parameter `when` is not
/// there; nothing if another is missing, or one is out of bounds.
std::optional<std::vector<ExpectedTensor>> expand(const Layout& layout,
                                                  const nlohmann::json& hyper_parameters);

}  // namespace ditmill::registry
