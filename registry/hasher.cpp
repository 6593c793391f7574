#include "registry/hasher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "configs/error.h"

namespace ditmill::registry {
namespace {

void check(int result) {
  if (result != 1) throw Error{Category::internal, "hash bytes with libcrypto"};
}

const EVP_MD* method(Hasher::Kind kind) {
  switch (kind) {
    case Hasher::Kind::sha256:
      return EVP_sha256();
    case Hasher::Kind::md5:
      return EVP_md5();
    case Hasher::Kind::sha1:
      return EVP_sha1();
  }
  return nullptr;
}

}  // namespace

void Hasher::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Hasher::Hasher(Kind kind) {
  // Nothing of the machine's openssl.cnf is for us: reading it takes longer than hashing, and where it leaves
  // only FIPS's methods there would be no MD5.
  static const int ready = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  check(ready);
  context_.reset(EVP_MD_CTX_new());
  check(context_ != nullptr);
  check(EVP_DigestInit_ex(context_.get(), method(kind), nullptr));
}

Hasher Hasher::fork() const {
  Context copy{EVP_MD_CTX_new()};
  check(copy != nullptr);
  check(EVP_MD_CTX_copy_ex(copy.get(), context_.get()));
  return Hasher{std::move(copy)};
}

void Hasher::add(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

void Hasher::add(std::string_view text) { add(std::as_bytes(std::span{text})); }

std::vector<std::uint8_t> Hasher::finish() {
  std::vector<std::uint8_t> digest(EVP_MAX_MD_SIZE);
  unsigned length = 0;
  check(EVP_DigestFinal_ex(context_.get(), digest.data(), &length));
  digest.resize(length);
  return digest;
}

}  // namespace ditmill::registry
