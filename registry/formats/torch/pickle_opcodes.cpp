#include "registry/formats/torch/pickle_opcodes.h"

#include <algorithm>
#include <array>

#include "registry/formats/torch/little_endian.h"

namespace ditmill::registry {
namespace {

/// The shape of an opcode's argument.
enum class Argument : std::uint8_t {
  unknown,
  none,
  bytes1,
  bytes2,
  bytes4,
  bytes8,
  counted1,
  counted4,
  counted8,
  two_lines
};

struct OpcodeRow {
  std::uint8_t code;
  std::string_view name;
  Argument argument;
};

constexpr OpcodeRow opcode_row(Opcode opcode, std::string_view name, Argument argument) {
  return {static_cast<std::uint8_t>(opcode), name, argument};
}
constexpr OpcodeRow refused(std::uint8_t code, std::string_view name) {
  return {code, name, Argument::unknown};
}

constexpr std::array opcode_rows{
    opcode_row(Opcode::mark, "MARK", Argument::none),
    opcode_row(Opcode::stop, "STOP", Argument::none),
    opcode_row(Opcode::pop, "POP", Argument::none),
    opcode_row(Opcode::pop_mark, "POP_MARK", Argument::none),
    opcode_row(Opcode::dup, "DUP", Argument::none),
    opcode_row(Opcode::binint, "BININT", Argument::bytes4),
    opcode_row(Opcode::binint1, "BININT1", Argument::bytes1),
    opcode_row(Opcode::binint2, "BININT2", Argument::bytes2),
    opcode_row(Opcode::none, "NONE", Argument::none),
    opcode_row(Opcode::binpersid, "BINPERSID", Argument::none),
    opcode_row(Opcode::reduce, "REDUCE", Argument::none),
    opcode_row(Opcode::binstring, "BINSTRING", Argument::counted4),
    opcode_row(Opcode::short_binstring, "SHORT_BINSTRING", Argument::counted1),
    opcode_row(Opcode::binunicode, "BINUNICODE", Argument::counted4),
    opcode_row(Opcode::append, "APPEND", Argument::none),
    opcode_row(Opcode::build, "BUILD", Argument::none),
    opcode_row(Opcode::global, "GLOBAL", Argument::two_lines),
    opcode_row(Opcode::dict, "DICT", Argument::none),
    opcode_row(Opcode::empty_dict, "EMPTY_DICT", Argument::none),
    opcode_row(Opcode::appends, "APPENDS", Argument::none),
    opcode_row(Opcode::binget, "BINGET", Argument::bytes1),
    opcode_row(Opcode::long_binget, "LONG_BINGET", Argument::bytes4),
    opcode_row(Opcode::list, "LIST", Argument::none),
    opcode_row(Opcode::empty_list, "EMPTY_LIST", Argument::none),
    opcode_row(Opcode::binput, "BINPUT", Argument::bytes1),
    opcode_row(Opcode::long_binput, "LONG_BINPUT", Argument::bytes4),
    opcode_row(Opcode::setitem, "SETITEM", Argument::none),
    opcode_row(Opcode::tuple, "TUPLE", Argument::none),
    opcode_row(Opcode::empty_tuple, "EMPTY_TUPLE", Argument::none),
    opcode_row(Opcode::setitems, "SETITEMS", Argument::none),
    opcode_row(Opcode::binfloat, "BINFLOAT", Argument::bytes8),
    opcode_row(Opcode::proto, "PROTO", Argument::bytes1),
    opcode_row(Opcode::newobj, "NEWOBJ", Argument::none),
    opcode_row(Opcode::tuple1, "TUPLE1", Argument::none),
    opcode_row(Opcode::tuple2, "TUPLE2", Argument::none),
    opcode_row(Opcode::tuple3, "TUPLE3", Argument::none),
    opcode_row(Opcode::newtrue, "NEWTRUE", Argument::none),
    opcode_row(Opcode::newfalse, "NEWFALSE", Argument::none),
    opcode_row(Opcode::long1, "LONG1", Argument::counted1),
    opcode_row(Opcode::long4, "LONG4", Argument::counted4),
    opcode_row(Opcode::binbytes, "BINBYTES", Argument::counted4),
    opcode_row(Opcode::short_binbytes, "SHORT_BINBYTES", Argument::counted1),
    opcode_row(Opcode::short_binunicode, "SHORT_BINUNICODE", Argument::counted1),
    opcode_row(Opcode::binunicode8, "BINUNICODE8", Argument::counted8),
    opcode_row(Opcode::binbytes8, "BINBYTES8", Argument::counted8),
    opcode_row(Opcode::empty_set, "EMPTY_SET", Argument::none),
    opcode_row(Opcode::additems, "ADDITEMS", Argument::none),
    opcode_row(Opcode::frozenset, "FROZENSET", Argument::none),
    opcode_row(Opcode::stack_global, "STACK_GLOBAL", Argument::none),
    opcode_row(Opcode::memoize, "MEMOIZE", Argument::none),
    opcode_row(Opcode::frame, "FRAME", Argument::bytes8),
    opcode_row(Opcode::bytearray8, "BYTEARRAY8", Argument::counted8),
    refused('F', "FLOAT"),
    refused('I', "INT"),
    refused('L', "LONG"),
    refused('P', "PERSID"),
    refused('S', "STRING"),
    refused('V', "UNICODE"),
    refused('g', "GET"),
    refused('i', "INST"),
    refused('o', "OBJ"),
    refused('p', "PUT"),
    refused(0x82, "EXT1"),
    refused(0x83, "EXT2"),
    refused(0x84, "EXT4"),
    refused(0x92, "NEWOBJ_EX"),
    refused(0x97, "NEXT_BUFFER"),
    refused(0x98, "READONLY_BUFFER"),
};

constexpr std::array<const OpcodeRow*, 256> by_code = [] {
  std::array<const OpcodeRow*, 256> table{};
  for (const OpcodeRow& opcode_row : opcode_rows) table[opcode_row.code] = &opcode_row;
  return table;
}();

/// The end of two lines from `at`, behind the second line feed.
std::optional<std::uint64_t> behind_two_lines(std::span<const std::byte> bytes, std::uint64_t at) {
  for (int line = 0; line < 2; ++line) {
    const auto end = std::find(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), std::byte{'\n'});
    if (end == bytes.end()) return std::nullopt;
    at = static_cast<std::uint64_t>(end - bytes.begin()) + 1;
  }
  return at;
}

std::optional<PickleOp> with_argument(std::span<const std::byte> bytes, std::uint64_t at,
                                      std::uint64_t count_bytes, std::uint64_t fixed) {
  const std::uint64_t left = bytes.size() - at - 1;
  if (left < count_bytes) return std::nullopt;
  const std::uint64_t begin = at + 1 + count_bytes;
  const std::uint64_t length = count_bytes == 0 ? fixed : little_endian(bytes.subspan(at + 1, count_bytes));
  if (left - count_bytes < length) return std::nullopt;
  return PickleOp{std::to_integer<std::uint8_t>(bytes[at]), at, bytes.subspan(begin, length), begin + length};
}

}  // namespace

std::optional<PickleOp> read_opcode(std::span<const std::byte> bytes, std::uint64_t at) {
  if (at >= bytes.size()) return std::nullopt;
  const auto code = std::to_integer<std::uint8_t>(bytes[at]);
  const OpcodeRow* opcode_row = by_code[code];
  switch (opcode_row == nullptr ? Argument::unknown : opcode_row->argument) {
    case Argument::unknown:
    case Argument::none:
      return with_argument(bytes, at, 0, 0);
    case Argument::bytes1:
      return with_argument(bytes, at, 0, 1);
    case Argument::bytes2:
      return with_argument(bytes, at, 0, 2);
    case Argument::bytes4:
      return with_argument(bytes, at, 0, 4);
    case Argument::bytes8:
      return with_argument(bytes, at, 0, 8);
    case Argument::counted1:
      return with_argument(bytes, at, 1, 0);
    case Argument::counted4:
      return with_argument(bytes, at, 4, 0);
    case Argument::counted8:
      return with_argument(bytes, at, 8, 0);
    case Argument::two_lines: {
      const std::optional<std::uint64_t> end = behind_two_lines(bytes, at + 1);
      if (!end) return std::nullopt;
      return PickleOp{code, at, bytes.subspan(at + 1, *end - at - 1), *end};
    }
  }
  return std::nullopt;
}

bool is_known(std::uint8_t code) noexcept {
  return by_code[code] != nullptr && by_code[code]->argument != Argument::unknown;
}

std::string_view opcode_name(std::uint8_t code) noexcept {
  return by_code[code] == nullptr ? std::string_view{} : by_code[code]->name;
}

std::optional<std::uint64_t> pickle_end(std::span<const std::byte> bytes, std::uint64_t begin) {
  std::uint64_t at = begin;
  while (const std::optional<PickleOp> op = read_opcode(bytes, at)) {
    if (op->opcode() == Opcode::stop || !is_known(op->code)) return op->end;
    at = op->end;
  }
  return std::nullopt;
}

}  // namespace ditmill::registry
