#include "registry/formats/torch/pickle_memo.h"

#include <algorithm>

#include "registry/formats/torch/little_endian.h"
#include "registry/formats/torch/pickle_opcodes.h"

namespace ditmill::registry {

PickleMemo::PickleMemo(std::span<const std::byte> pickle, BoundedMemory& memory)
    : asked_(&memory), values_(&memory), known_(&memory) {
  // An index is at most the number of opcodes read: others are refused when they are met.
  std::pmr::vector<bool> asked(pickle.size(), false, &memory);
  std::size_t count = 0;
  std::uint64_t at = 0;
  while (const std::optional<PickleOp> op = read_opcode(pickle, at)) {
    at = op->end;
    if (op->opcode() == Opcode::stop || !is_known(op->code)) break;
    if (op->opcode() != Opcode::binget && op->opcode() != Opcode::long_binget) continue;
    const std::uint64_t index = little_endian(op->argument);
    if (index >= asked.size() || asked[index]) continue;
    asked[index] = true;
    ++count;
  }
  asked_.reserve(count);
  for (std::uint32_t i = 0; i < asked.size(); ++i) {
    if (asked[i]) asked_.push_back(i);
  }
  values_.resize(count);
  known_.resize(count);
}

std::size_t PickleMemo::place_of(std::uint64_t index) const {
  const auto found = std::ranges::lower_bound(asked_, index);
  return found != asked_.end() && *found == index ? static_cast<std::size_t>(found - asked_.begin())
                                                  : asked_.size();
}

void PickleMemo::put(std::uint64_t index, PickleValue value) {
  const std::size_t place = place_of(index);
  if (place == asked_.size()) return;
  values_[place] = value;
  known_[place] = true;
}

std::optional<PickleValue> PickleMemo::get(std::uint64_t index) const {
  const std::size_t place = place_of(index);
  if (place == asked_.size() || !known_[place]) return std::nullopt;
  return values_[place];
}

}  // namespace ditmill::registry
