#include "registry/digest.h"

#include <gtest/gtest.h>

#include <span>

namespace ditmill::registry {
namespace {

FileDigest digest(const std::string& bytes) {
  return digest_file(*memory_source("memory", std::as_bytes(std::span{bytes})));
}

TEST(Digest, LeavesAreXxh3OfFourMebibytes) {
  EXPECT_EQ(hex(leaf_digest({})), "99aa06d3014798d86001c324468d497f") << "XXH3-128 of nothing, canonical";
  const std::string bytes(leaf_bytes + 1, 'x');
  const FileDigest digested = digest(bytes);
  EXPECT_EQ(digested.size, bytes.size());
  ASSERT_EQ(digested.leaves.size(), 2U);
  EXPECT_EQ(digested.leaves[0], leaf_digest(std::as_bytes(std::span{bytes}).first(leaf_bytes)));
  EXPECT_EQ(digested.leaves[1], leaf_digest(std::as_bytes(std::span{bytes}).last(1)));
  EXPECT_EQ(digest(std::string(leaf_bytes, 'x')).leaves.size(), 1U);
  EXPECT_TRUE(digest("").leaves.empty());
  EXPECT_EQ(hex(digested.leaves[0]), "492809f358d2681f090ddb37f55d3f28")
      << "whatever vectors the processor has";
}

TEST(Digest, RootIsAFixedFormat) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string files = std::string("ditmill digest root 1\n") + std::string("\1\0\0\0\0\0\0\0", 8) +
                            std::string("\3\0\0\0\0\0\0\0", 8);
  const FileDigest one = digest("abc");
  const std::string leaf{reinterpret_cast<const char*>(one.leaves[0].data()), one.leaves[0].size()};
  EXPECT_EQ(digest_root(std::span{&one, 1}, "{}"), "sha256:" + sha256_hex(files + leaf + "{}"));
}

TEST(Digest, RootSeesEveryChange) {
  const std::vector<FileDigest> files{digest("abc"), digest("def")};
  const std::string root = digest_root(files, "{}");
  EXPECT_NE(root, digest_root(files, "{\"heads\":12}"));
  EXPECT_NE(root, digest_root(std::vector<FileDigest>{files[1], files[0]}, "{}"));
  EXPECT_NE(root, digest_root(std::vector<FileDigest>{digest("abd"), files[1]}, "{}"));
  EXPECT_NE(root, digest_root(std::vector<FileDigest>{digest("abcdef")}, "{}"));
  EXPECT_EQ(root, digest_root(files, "{}"));
}

}  // namespace
}  // namespace ditmill::registry
