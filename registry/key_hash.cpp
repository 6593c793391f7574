#include "registry/key_hash.h"

#include <algorithm>
#include <compare>

#include "registry/digest.h"
#include "registry/hasher.h"

namespace ditmill::registry {
namespace {

struct Token {
  std::uint32_t tensor;
  bool with_shape;
};

std::string suffix(const NamedShape& tensor, bool with_shape) {
  if (!with_shape) return {};
  std::string text = ":";
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (i > 0) text += '_';
    text += std::to_string(tensor.shape[i]);
  }
  return text;
}

/// Hands the pieces of the text that is hashed to `add`, one after another.
template <typename Add>
void each_piece(std::span<const NamedShape> tensors, bool with_shapes, const Add& add) {
  std::vector<Token> tokens;
  tokens.reserve(tensors.size() * (with_shapes ? 2 : 1));
  for (std::uint32_t i = 0; i < tensors.size(); ++i) {
    tokens.push_back({i, false});
    if (with_shapes && tensors[i].is_tensor) tokens.push_back({i, true});
  }
  // Tokens are ordered with their suffix on (':' sorts after digits and '.'), but only names where one begins
  // the other need the suffix to be made.
  const auto before = [&tensors](const Token& a, const Token& b) {
    if (a.tensor == b.tensor) return !a.with_shape && b.with_shape;
    const std::string_view x = tensors[a.tensor].name;
    const std::string_view y = tensors[b.tensor].name;
    const std::size_t common = std::min(x.size(), y.size());
    const int order = x.substr(0, common).compare(y.substr(0, common));
    if (order != 0) return order < 0;
    const std::string rest_x = std::string{x.substr(common)} + suffix(tensors[a.tensor], a.with_shape);
    const std::string rest_y = std::string{y.substr(common)} + suffix(tensors[b.tensor], b.with_shape);
    return rest_x < rest_y;
  };
  // Those of tensors in order are, but where one name begins another.
  if (!std::ranges::is_sorted(tokens, before)) std::ranges::sort(tokens, before);
  std::string_view separator;
  for (const Token& token : tokens) {
    add(separator);
    add(tensors[token.tensor].name);
    add(std::string_view{suffix(tensors[token.tensor], token.with_shape)});
    separator = ",";
  }
}

std::string hash(std::span<const NamedShape> tensors, bool with_shapes) {
  Hasher hasher{Hasher::Kind::md5};
  each_piece(tensors, with_shapes, [&hasher](std::string_view piece) { hasher.add(piece); });
  return hex(hasher.finish());
}

}  // namespace

std::vector<NamedShape> named_shapes(std::span<const TensorInfo> tensors) {
  std::vector<NamedShape> views;
  views.reserve(tensors.size());
  for (const TensorInfo& tensor : tensors) views.push_back({tensor.name, tensor.shape});
  return views;
}

std::string key_hash(std::span<const NamedShape> tensors) { return hash(tensors, true); }

std::string key_hash_names(std::span<const NamedShape> tensors) { return hash(tensors, false); }

std::string key_hash_text(std::span<const NamedShape> tensors, bool with_shapes) {
  std::string text;
  each_piece(tensors, with_shapes, [&text](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace ditmill::registry
