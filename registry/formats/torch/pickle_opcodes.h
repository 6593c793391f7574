#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ditmill::registry {

/// The opcodes of pickle protocols 2 to 5 that this version understands (Python's Lib/pickle.py).
enum class Opcode : std::uint8_t {
  mark = '(',
  stop = '.',
  pop = '0',
  pop_mark = '1',
  dup = '2',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binpersid = 'Q',
  reduce = 'R',
  binstring = 'T',
  short_binstring = 'U',
  binunicode = 'X',
  append = 'a',
  build = 'b',
  global = 'c',
  dict = 'd',
  empty_dict = '}',
  appends = 'e',
  binget = 'h',
  long_binget = 'j',
  list = 'l',
  empty_list = ']',
  binput = 'q',
  long_binput = 'r',
  setitem = 's',
  tuple = 't',
  empty_tuple = ')',
  setitems = 'u',
  binfloat = 'G',
  proto = 0x80,
  newobj = 0x81,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8a,
  long4 = 0x8b,
  binbytes = 'B',
  short_binbytes = 'C',
  short_binunicode = 0x8c,
  binunicode8 = 0x8d,
  binbytes8 = 0x8e,
  empty_set = 0x8f,
  additems = 0x90,
  frozenset = 0x91,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
  bytearray8 = 0x96,
};

/// An opcode and its argument.
struct PickleOp {
  std::uint8_t code = 0;                     ///< any byte, also one that is no Opcode
  std::uint64_t at = 0;                      ///< where it stands in the pickle's bytes
  std::span<const std::byte> argument = {};  ///< without its count; of GLOBAL both lines
  std::uint64_t end = 0;                     ///< behind the argument

  Opcode opcode() const noexcept { return static_cast<Opcode>(code); }
};

/// The opcode at `at`, or nothing if it or its argument is cut off. A byte that is no Opcode comes without an
/// argument.
std::optional<PickleOp> read_opcode(std::span<const std::byte> bytes, std::uint64_t at);

/// Whether this version understands an opcode.
bool is_known(std::uint8_t code) noexcept;
/// Python's name of an opcode ("NEWOBJ_EX"), also of one that is not understood; empty: there is none.
std::string_view opcode_name(std::uint8_t code) noexcept;

/// Where the pickle that starts at `begin` ends: behind its STOP, or behind a byte that is no Opcode.
/// Nothing: the bytes end before.
std::optional<std::uint64_t> pickle_end(std::span<const std::byte> bytes, std::uint64_t begin);

}  // namespace ditmill::registry
