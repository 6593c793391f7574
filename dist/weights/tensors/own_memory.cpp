#include "dist/weights/tensors/own_memory.h"

#include <ATen/ATen.h>

#include <memory>
#include <utility>
#include <vector>

#include "dist/dtype.h"
#include "dist/weights/tensors/tensor_memory.h"

namespace ditmill::dist {

Destination in_own_memory(const Places& places) {
  struct Room {
    std::size_t offset = 0;
    std::vector<std::int64_t> shape;
    at::ScalarType type = at::kFloat;
  };
  std::vector<Room> rooms;
  std::size_t bytes = 0;
  for (const Target& target : places.targets()) {
    rooms.push_back({bytes, target.shape, scalar_type(target.dtype)});
    // Of a block that is sharded only the shard is held: not in rooms.
    if (target.block < 0) bytes += aligned_size(bytes_of(target));
  }
  Destination destination;
  destination.room = [memory = TensorMemory::own(bytes), rooms = std::move(rooms)](std::size_t target) {
    const Room& room = rooms[target];
    return at::from_blob(
        memory->bytes().data() + room.offset, room.shape, [memory](void*) {}, at::TensorOptions{room.type});
  };
  return destination;
}

}  // namespace ditmill::dist
