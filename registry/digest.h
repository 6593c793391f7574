#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/byte_source.h"

namespace ditmill::registry {

/// Bytes of a weight file under one leaf digest, and of one broadcast: file offset 0, 4 MiB, 8 MiB, ...
inline constexpr std::uint64_t leaf_bytes = std::uint64_t{4} << 20;

using Leaf = std::array<std::uint8_t, 16>;  ///< XXH3-128, canonical (big-endian) form

Leaf leaf_digest(std::span<const std::byte> bytes) noexcept;
std::string hex(std::span<const std::uint8_t> bytes);
/// SHA-256 of bytes, as lower-case hex.
std::string sha256_hex(std::string_view bytes);
/// The same of all bytes of a source, read piece by piece. Throws as read_at().
std::string sha256_hex(const ByteSource& source);

/// The leaves of one file.
struct FileDigest {
  std::uint64_t size = 0;
  std::vector<Leaf> leaves;
};

/// The digest root of a component: "sha256:HEX" over the leaves of its files (in order) and the canonical
/// JSON of what else decides its output (its effective hyper-parameters). File names are not part of it. What
/// is hashed: "ditmill digest root 1\n", the number of files, for each file its size and its leaves, then the
/// JSON; numbers are 8 bytes, little-endian.
std::string digest_root(std::span<const FileDigest> files, std::string_view canonical_hyper_parameters);
/// The digest of a whole model, which `model.digest` pins: over the digest roots of its components and its
/// tokenizer, in the order of their names. What is hashed: a line "NAME ROOT\n" each, names
/// as configs::hashed_name() spells them.
std::string model_digest(const std::map<std::string, std::string, std::less<>>& roots_by_name);
/// Reads all of a source and digests its leaves.
FileDigest digest_file(const ByteSource& source);

}  // namespace ditmill::registry
