#pragma once

#include <cstdint>
#include <deque>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle_globals.h"

namespace ditmill::registry {

/// The bytes of one pickle, and what they may hold.
struct PickleInput {
  std::span<const std::byte> bytes;  ///< outlive the object that is made of them
  std::string file;                  ///< for messages
  std::uint64_t base = 0;            ///< where the bytes begin in that file
  std::size_t storage_id_values =
      0;  ///< of a storage's persistent id: 5 in archives, 6 in streams; 0: none allowed
};

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  text,
  bytes,
  tuple,
  list,
  set,
  dictionary,
  global,
  device,
  storage,
  tensor,
};

/// A value of a pickle: a word that says where the rest of it is, so that it costs little more than its
/// opcode.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  std::uint8_t detail = 0;  ///< a boolean's value; a GlobalKind: which global, or what rebuilds a tensor
  std::uint32_t at = 0;     ///< offset of a literal's opcode; node of a container; node of the arguments that
                            ///< made a storage, tensor or device; the ElementType of a global

  bool operator==(const PickleValue&) const = default;
};

/// What a pickle describes: plain values and containers, tensors and storages as the arguments that would
/// make them. Move-only; views the pickle's bytes and draws from the memory, which both outlive it.
class PickleObject {
 public:
  PickleObject(PickleInput input, BoundedMemory& memory);
  PickleObject(PickleObject&&) = default;
  PickleObject(const PickleObject&) = delete;
  PickleObject& operator=(const PickleObject&) = delete;
  PickleObject& operator=(PickleObject&&) = delete;
  ~PickleObject() = default;

  PickleValue root() const noexcept { return root_; }
  const PickleInput& input() const noexcept { return input_; }

  /// The bytes of a text; not checked for UTF-8. Also of bytes.
  std::string_view text(PickleValue value) const;
  /// The value of an integer, or nothing if it is no integer or does not fit.
  std::optional<std::int64_t> integer(PickleValue value) const;
  /// The bytes that spell an integer of LONG1 or LONG4, two's complement, the lowest first.
  std::span<const std::byte> literal(PickleValue value) const;
  PickleGlobal global(PickleValue value) const noexcept;

  /// Elements of a tuple or list; items of a dictionary.
  std::size_t size(PickleValue container) const;
  /// Element of a tuple, or argument `index` of a storage or tensor.
  PickleValue element(PickleValue tuple, std::size_t index) const;
  /// Containers in it, at least, where one is in another: 1 for a flat one, 0 for what is no container.
  unsigned depth(PickleValue value) const;

  /// Steps through a list, or a dictionary's keys and values in turn.
  class Cursor {
   public:
    Cursor(const PickleObject& object, PickleValue container);
    std::optional<PickleValue> next();

   private:
    const PickleObject& object_;
    std::uint32_t segment_;
    std::uint32_t taken_ = 0;
  };
  Cursor elements(PickleValue container) const { return {*this, container}; }

  /// The uses of storages in the order of the pickle, less those that repeat the one before.
  const std::pmr::deque<PickleValue>& storages() const noexcept { return storages_; }

  /// Throws Error(bad_input) at an offset of the pickle.
  [[noreturn]] void fail(std::uint64_t at, std::string expected, std::string got,
                         std::string hint = {}) const;
  /// The kind of a value, for messages: "a list of 3".
  std::string described(PickleValue value) const;

 private:
  friend class PickleStack;

  static constexpr std::uint32_t nowhere = 0xffffffff;

  /// A tuple's elements are `count` from `first` of values_; those of a list or dictionary are in segments.
  struct Node {
    std::uint32_t first;
    std::uint32_t count : 24;
    std::uint32_t depth : 8;
  };
  struct Segment {
    std::uint32_t begin;
    std::uint32_t count;
    std::uint32_t next;
    std::uint32_t last;  ///< of the first segment of a container: its last one
  };

  PickleInput input_;
  PickleValue root_;
  std::pmr::deque<PickleValue> values_;
  std::pmr::deque<Node> nodes_;
  std::pmr::deque<Segment> segments_;
  std::pmr::deque<PickleValue> storages_;
};

}  // namespace ditmill::registry
