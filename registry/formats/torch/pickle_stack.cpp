#include "registry/formats/torch/pickle_stack.h"

#include <algorithm>

#include "registry/formats/torch/pickle_tensor.h"

namespace ditmill::registry {
namespace {

constexpr unsigned deepest = 200;
constexpr std::uint64_t most_elements = 1'000'000;

}  // namespace

void PickleStack::bad(std::string expected, std::string got, std::string hint) const {
  object_.fail(at_, std::move(expected), std::move(got), std::move(hint));
}

void PickleStack::note_storage(PickleValue storage) {
  const PickledStorage now = decode_storage(object_, storage, at_);
  std::pmr::deque<PickleValue>& storages = object_.storages_;
  if (!storages.empty()) {
    const PickledStorage before = decode_storage(object_, storages.back(), at_);
    if (before.key == now.key && before.type == now.type && before.elements == now.elements) return;
  }
  count_content(1);
  storages.push_back(storage);
}

void PickleStack::count_content(std::size_t count) {
  content_ += count;
  if (content_ > most_elements) {
    bad("at most " + std::to_string(most_elements) + " elements in all containers", "more");
  }
}

std::uint32_t PickleStack::deeper(unsigned depth_of_value) const {
  if (depth_of_value >= deepest) bad("containers nested to " + std::to_string(deepest), "a deeper one");
  return depth_of_value + 1;
}

std::uint32_t PickleStack::new_node(std::uint32_t first) {
  object_.nodes_.push_back({first, 0, 1});
  return static_cast<std::uint32_t>(object_.nodes_.size() - 1);
}

std::uint32_t PickleStack::store(std::size_t count, Node& owner) {
  const auto begin = static_cast<std::uint32_t>(object_.values_.size());
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
  std::uint32_t depth = owner.depth;
  for (auto value = first; value != stack_.end(); ++value) {
    depth = std::max(depth, deeper(object_.depth(*value)));
    object_.values_.push_back(*value);
  }
  owner.depth = depth;
  owner.count += static_cast<std::uint32_t>(count);
  drop(count);
  return begin;
}

void PickleStack::push_tuple(std::size_t count) {
  need(count);
  if (count > short_tuple) count_content(count);
  const std::uint32_t node = new_node(0);
  object_.nodes_[node].first = store(count, object_.nodes_[node]);
  push({PickleKind::tuple, 0, node});
}

void PickleStack::push_growing(PickleKind kind, std::size_t count) {
  if (kind == PickleKind::dictionary) check_pairs(count);
  const std::uint32_t node = new_node(PickleObject::nowhere);
  extend(object_.nodes_[node], count);
  push({kind, 0, node});
}

void PickleStack::check_pairs(std::size_t count) const {
  if (count % 2 != 0) bad("a value for each key", std::to_string(count) + " keys and values");
}

void PickleStack::grow(PickleKind kind, std::size_t count) {
  need(count + 1);
  const PickleValue container = stack_[stack_.size() - count - 1];
  if (container.kind != kind) {
    bad(kind == PickleKind::list ? "a list to append to" : "a dictionary to set items of",
        object_.described(container));
  }
  if (kind == PickleKind::dictionary) check_pairs(count);
  extend(object_.nodes_[container.at], count);
}

void PickleStack::extend(Node& node, std::size_t count) {
  if (count == 0) return;
  count_content(count);
  const std::uint32_t begin = store(count, node);
  const auto added = static_cast<std::uint32_t>(count);
  std::pmr::deque<Segment>& segments = object_.segments_;
  if (node.first != PickleObject::nowhere) {
    Segment& last = segments[segments[node.first].last];
    if (last.begin + last.count == begin) {
      last.count += added;
      return;
    }
  }
  const auto segment = static_cast<std::uint32_t>(segments.size());
  segments.push_back({begin, added, PickleObject::nowhere, segment});
  if (node.first == PickleObject::nowhere) {
    node.first = segment;
  } else {
    segments[segments[node.first].last].next = segment;
    segments[node.first].last = segment;
  }
}

void PickleStack::need(std::size_t count) const {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - floor < count) {
    bad(std::to_string(count) + " values on the stack", std::to_string(stack_.size() - floor));
  }
}

PickleValue PickleStack::top() const {
  need(1);
  return stack_.back();
}

PickleValue PickleStack::pop() {
  const PickleValue value = top();
  stack_.pop_back();
  return value;
}

std::size_t PickleStack::drop(std::size_t count) {
  stack_.erase(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
  return count;
}

std::size_t PickleStack::take_mark() {
  if (marks_.empty()) bad("a mark on the stack", "none");
  const std::size_t count = stack_.size() - marks_.back();
  marks_.pop_back();
  return count;
}

PickleObject PickleStack::finish(PickleValue root) {
  object_.root_ = root;
  return std::move(object_);
}

}  // namespace ditmill::registry
