#include "registry/byte_source.h"
#include "registry/formats/torch/pth.h"
#include "tests/fuzz/fuzz.h"

namespace ditmill::fuzz {

void one_input(std::span<const std::byte> bytes) {
  const auto source = registry::memory_source("fuzz.pth", bytes);
  registry::PthHeader header;
  bool read = false;
  run(bytes, 64 << 10, [&] {
    header = registry::read_pth_header(*source);
    read = true;
  });
  if (!read) return;
  require(registry::looks_like_pth(*source), "what is read looks like a file of torch.save");
  require_sound(header.tensors, bytes.size());
  require(header.header_bytes <= bytes.size(), "the header is a part of the file");
  require(header.key_hash.size() == 32 && header.key_hash_names.size() == 32,
          "hashes are MD5 in hexadecimal");
  require(header.others.size() <= 33, "few other things are listed");
  require(!header.nested || !header.tensors.empty(), "only tensors are nested");
}

}  // namespace ditmill::fuzz
