#include "registry/byte_source.h"
#include "registry/formats/pth.h"
#include "tests/fuzz/fuzz.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ditmill;
  const std::span<const std::byte> bytes = fuzz::bytes_of(data, size);
  const auto source = registry::memory_source("fuzz.pth", bytes);
  registry::PthHeader header;
  bool read = false;
  fuzz::run(bytes, 64 * 1024, [&] {
    header = registry::read_pth_header(*source);
    read = true;
  });
  if (!read) return 0;
  fuzz::require(registry::looks_like_pth(*source), "what is read looks like a file of torch.save");
  fuzz::require_sound(header.tensors, size);
  fuzz::require(header.header_bytes <= size, "the header is a part of the file");
  fuzz::require(header.key_hash.size() == 32 && header.key_hash_names.size() == 32, "hashes are MD5 in hexadecimal");
  fuzz::require(header.others.size() <= 33, "few other things are listed");
  fuzz::require(!header.nested || !header.tensors.empty(), "only tensors are nested");
  return 0;
}
