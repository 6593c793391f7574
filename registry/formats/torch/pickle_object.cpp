#include "registry/formats/torch/pickle_object.h"

#include <utility>

#include "configs/error.h"
#include "registry/formats/torch/little_endian.h"
#include "registry/formats/torch/pickle_opcodes.h"

namespace ditmill::registry {

PickleObject::PickleObject(PickleInput input, BoundedMemory& memory)
    : input_(std::move(input)), values_(&memory), nodes_(&memory), segments_(&memory), storages_(&memory) {}

void PickleObject::fail(std::uint64_t at, std::string expected, std::string got, std::string hint) const {
  throw Error{Category::bad_input,
              "read a pickle",
              Where{.file = input_.file, .offset = input_.base + at},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

std::string_view PickleObject::text(PickleValue value) const {
  const std::span<const std::byte> argument = literal(value);
  return {reinterpret_cast<const char*>(argument.data()), argument.size()};
}

std::span<const std::byte> PickleObject::literal(PickleValue value) const {
  // The machine has read it before.
  const std::optional<PickleOp> op = read_opcode(input_.bytes, value.at);
  return op ? op->argument : std::span<const std::byte>{};
}

std::optional<std::int64_t> PickleObject::integer(PickleValue value) const {
  if (value.kind != PickleKind::integer) return std::nullopt;
  const std::optional<PickleOp> op = read_opcode(input_.bytes, value.at);
  if (!op || op->argument.size() > 8) return std::nullopt;
  const std::size_t size = op->argument.size();
  const std::uint64_t raw = little_endian(op->argument);
  if (op->opcode() == Opcode::binint1 || op->opcode() == Opcode::binint2 || size == 0 || size == 8) {
    return static_cast<std::int64_t>(raw);
  }
  // The rest are signed: the sign bit is carried on.
  const std::uint64_t sign = std::uint64_t{1} << (8 * size - 1);
  return static_cast<std::int64_t>((raw ^ sign) - sign);
}

PickleGlobal PickleObject::global(PickleValue value) const noexcept {
  return {static_cast<GlobalKind>(value.detail), static_cast<ElementType>(value.at)};
}

std::size_t PickleObject::size(PickleValue container) const {
  const std::size_t count = nodes_[container.at].count;
  return container.kind == PickleKind::dictionary ? count / 2 : count;
}

PickleValue PickleObject::element(PickleValue tuple, std::size_t index) const {
  return values_[nodes_[tuple.at].first + index];
}

unsigned PickleObject::depth(PickleValue value) const {
  switch (value.kind) {
    case PickleKind::tuple:
    case PickleKind::list:
    case PickleKind::dictionary:
      return nodes_[value.at].depth;
    default:
      return 0;
  }
}

PickleObject::Cursor::Cursor(const PickleObject& object, PickleValue container)
    : object_(object), segment_(object.nodes_[container.at].first) {}

std::optional<PickleValue> PickleObject::Cursor::next() {
  if (segment_ == nowhere) return std::nullopt;
  const Segment& segment = object_.segments_[segment_];
  const PickleValue value = object_.values_[segment.begin + taken_];
  if (++taken_ == segment.count) {
    taken_ = 0;
    segment_ = segment.next;
  }
  return value;
}

std::string PickleObject::described(PickleValue value) const {
  switch (value.kind) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return "a boolean";
    case PickleKind::integer:
    case PickleKind::real:
      return "a number";
    case PickleKind::text:
      return "a string";
    case PickleKind::bytes:
      return "bytes";
    case PickleKind::tuple:
      return "a tuple of " + std::to_string(size(value));
    case PickleKind::list:
      return "a list of " + std::to_string(size(value));
    case PickleKind::set:
      return "a set";
    case PickleKind::dictionary:
      return "a dictionary of " + std::to_string(size(value));
    case PickleKind::global:
      return global(value).kind == GlobalKind::dtype ? "a dtype" : "a class or function of torch";
    case PickleKind::device:
      return "a device";
    case PickleKind::storage:
      return "a storage";
    case PickleKind::tensor:
      return "a tensor";
  }
  return "something else";
}

}  // namespace ditmill::registry
