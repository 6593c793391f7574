#include "registry/identity/key_hash.h"

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

std::string hash(std::span<const NamedShape> tensors, bool with_shapes) {
  std::vector<Token> tokens;
  tokens.reserve(tensors.size() * (with_shapes ? 2 : 1));
  for (std::uint32_t i = 0; i < tensors.size(); ++i) {
    tokens.push_back({i, false});
    if (with_shapes) tokens.push_back({i, true});
  }
  // Tokens are ordered with their suffix on (':' sorts after digits and '.'), but only names where one begins
  // the other need the suffix to be made.
  std::sort(tokens.begin(), tokens.end(), [&](const Token& a, const Token& b) {
    const std::string_view x = tensors[a.tensor].name;
    const std::string_view y = tensors[b.tensor].name;
    const std::size_t common = std::min(x.size(), y.size());
    const int order = x.substr(0, common).compare(y.substr(0, common));
    if (order != 0) return order < 0;
    const std::string rest_x = std::string{x.substr(common)} + suffix(tensors[a.tensor], a.with_shape);
    const std::string rest_y = std::string{y.substr(common)} + suffix(tensors[b.tensor], b.with_shape);
    return rest_x < rest_y;
  });
  Hasher hasher{Hasher::Kind::md5};
  std::string_view separator;
  for (const Token& token : tokens) {
    hasher.add(separator);
    hasher.add(tensors[token.tensor].name);
    hasher.add(suffix(tensors[token.tensor], token.with_shape));
    separator = ",";
  }
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

}  // namespace ditmill::registry
