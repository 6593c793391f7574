#pragma once

#include <cstdint>
#include <deque>
#include <memory_resource>
#include <string>
#include <utility>

#include "registry/formats/torch/bounded_memory.h"
#include "registry/formats/torch/pickle_object.h"

namespace ditmill::registry {

/// The stack of a pickle's machine, its marks, and the containers that are made of what is on it. Whatever is
/// misused is refused at the opcode that is at work.
class PickleStack {
 protected:
  /// Tuples up to this are sizes, strides and arguments; longer ones count as content.
  static constexpr std::size_t short_tuple = 8;

  PickleStack(PickleInput input, BoundedMemory& memory)
      : object_(std::move(input), memory), stack_(&memory), marks_(&memory) {}

  [[noreturn]] void bad(std::string expected, std::string got, std::string hint = {}) const;

  void push(PickleValue value) { stack_.push_back(value); }
  PickleValue top() const;
  PickleValue pop();
  /// Refuses to reach below the last mark.
  void need(std::size_t count) const;
  /// Takes values off; returns how many.
  std::size_t drop(std::size_t count);
  /// How many values are above the last mark, which goes.
  std::size_t take_mark();

  /// Counts elements of containers; refuses too many.
  void count_content(std::size_t count);
  /// Refuses a key without a value.
  void check_pairs(std::size_t count) const;
  /// Replaces the upper values by a tuple of them.
  void push_tuple(std::size_t count);
  /// Replaces the upper values by a list or dictionary of them.
  void push_growing(PickleKind kind, std::size_t count);
  /// Moves the upper values into the list or dictionary below them.
  void grow(PickleKind kind, std::size_t count);
  /// Keeps a storage, unless it is the one before: many views of one storage are common.
  void note_storage(PickleValue storage);
  /// The object, whose root is that value.
  PickleObject finish(PickleValue root);

  PickleObject object_;
  std::pmr::deque<PickleValue> stack_;
  std::pmr::deque<std::uint32_t> marks_;
  std::uint64_t at_ = 0;  // of the opcode at work

 private:
  using Node = PickleObject::Node;
  using Segment = PickleObject::Segment;

  /// Depth of a container that holds a value.
  std::uint32_t deeper(unsigned depth_of_value) const;
  std::uint32_t new_node(std::uint32_t first);
  /// Moves the upper values of the stack into values_, and returns where the first is.
  std::uint32_t store(std::size_t count, Node& owner);
  void extend(Node& node, std::size_t count);

  std::uint64_t content_ = 0;  // elements of all containers
};

}  // namespace ditmill::registry
