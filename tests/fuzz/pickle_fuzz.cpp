#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle.h"
#include "registry/formats/torch/pickle_tensor.h"
#include "registry/formats/torch/state_dict.h"
#include "tests/fuzz/fuzz.h"

namespace ditmill::fuzz {
namespace {

/// A storage as large as any may be: where its bytes are is the archive's business.
constexpr std::uint64_t endless = ~std::uint64_t{0};

void read(std::span<const std::byte> bytes, std::size_t storage_id_values) {
  registry::PthHeader header;
  run(bytes, 64 << 10, [&] {
    registry::BoundedMemory memory{"fuzz.pkl", "read a pickle", bytes.size()};
    memory.charge(bytes.size());
    const registry::PickleObject object = registry::read_pickle(
        {.bytes = bytes, .file = "fuzz.pkl", .storage_id_values = storage_id_values}, memory);
    for (const registry::PickleValue storage : object.storages()) {
      require(registry::decode_storage(object, storage, 0).view_bytes <= endless,
              "storages can be read again");
    }
    header = registry::read_state_dict(
        object, [](std::string_view) { return std::uint64_t{0}; }, memory);
  });
  require_sound(header.tensors, endless);
}

}  // namespace

void one_input(std::span<const std::byte> bytes) {
  read(bytes, 5);
  read(bytes, 6);
}

}  // namespace ditmill::fuzz
