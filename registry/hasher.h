#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

struct evp_md_ctx_st;

namespace ditmill::registry {

/// A running SHA-256, MD5 or SHA-1 (libcrypto's). Move-only. Throws Error(internal) if libcrypto refuses.
class Hasher {
 public:
  enum class Kind { sha256, md5, sha1 };

  explicit Hasher(Kind kind);

  /// Another one that has added the same so far: what many texts begin with is hashed once.
  Hasher fork() const;
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  /// The digest of all that was added; the hasher is used up.
  std::vector<std::uint8_t> finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  using Context = std::unique_ptr<evp_md_ctx_st, Free>;

  explicit Hasher(Context context) : context_(std::move(context)) {}

  Context context_;
};

}  // namespace ditmill::registry
