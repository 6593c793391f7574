#include "registry/digest.h"

#if __has_include(<xxh_x86dispatch.h>)
// Takes the widest vectors that the processor has: twice as fast as what all have. Libraries built without it
// (other processors) do not install it.
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "configs/component_name.h"
#include "configs/hex.h"
#include "registry/hasher.h"

namespace ditmill::registry {
namespace {

/// Names the layout of what a root is made of; a change of it needs a new name.
constexpr std::string_view root_format = "ditmill digest root 1\n";

void add_number(Hasher& hasher, std::uint64_t number) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(number >> (8 * i));
  hasher.add(bytes);
}

}  // namespace

Leaf leaf_digest(std::span<const std::byte> bytes) noexcept {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Leaf leaf{};
  static_assert(sizeof canonical.digest == std::tuple_size_v<Leaf>);
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), leaf.begin());
  return leaf;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) append_hex(text, byte, 2);
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  Hasher hasher{Hasher::Kind::sha256};
  hasher.add(bytes);
  return hex(hasher.finish());
}

std::string sha256_hex(const ByteSource& source) {
  constexpr std::uint64_t piece = std::uint64_t{1} << 20;
  Hasher hasher{Hasher::Kind::sha256};
  std::vector<std::byte> buffer(std::min(piece, source.size()));
  for (std::uint64_t at = 0; at < source.size(); at += piece) {
    const std::span<std::byte> part{buffer.data(), std::min(piece, source.size() - at)};
    source.read_at(at, part);
    hasher.add(part);
  }
  return hex(hasher.finish());
}

std::string digest_root(std::span<const FileDigest> files, std::string_view canonical_hyper_parameters) {
  Hasher hasher{Hasher::Kind::sha256};
  hasher.add(root_format);
  add_number(hasher, files.size());
  for (const FileDigest& file : files) {
    add_number(hasher, file.size);
    for (const Leaf& leaf : file.leaves) hasher.add(std::as_bytes(std::span{leaf}));
  }
  hasher.add(canonical_hyper_parameters);
  return "sha256:" + hex(hasher.finish());
}

std::string model_digest(const std::map<std::string, std::string, std::less<>>& roots_by_name) {
  std::map<std::string_view, std::string_view> hashed;
  for (const auto& [name, root] : roots_by_name) hashed.emplace(configs::hashed_name(name), root);
  std::string text;
  for (const auto& [name, root] : hashed) text.append(name).append(" ").append(root).append("\n");
  return "sha256:" + sha256_hex(text);
}

FileDigest digest_file(const ByteSource& source) {
  FileDigest digest{.size = source.size(), .leaves = {}};
  std::vector<std::byte> buffer(std::min(leaf_bytes, source.size()));
  for (std::uint64_t at = 0; at < source.size(); at += leaf_bytes) {
    const std::span<std::byte> part{buffer.data(), std::min(leaf_bytes, source.size() - at)};
    source.read_at(at, part);
    digest.leaves.push_back(leaf_digest(part));
  }
  return digest;
}

}  // namespace ditmill::registry
