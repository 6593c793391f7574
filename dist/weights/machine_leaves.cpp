#include "dist/weights/machine_leaves.h"

#include <cstring>
#include <string_view>

#include "configs/error.h"
#include "dist/weights/marks.h"
#include "dist/weights/source/planned_files.h"

namespace ditmill::dist {
namespace {

constexpr std::size_t one_leaf = sizeof(registry::Leaf);

registry::Leaf leaf_at(const std::string& leaves, std::size_t chunk) {
  registry::Leaf leaf{};
  std::memcpy(leaf.data(), leaves.data() + chunk * one_leaf, one_leaf);
  return leaf;
}

}  // namespace

MachineLeaves::MachineLeaves(const Nodes& nodes, const ComponentPlan& plan, const std::vector<Chunk>& chunks,
                             std::span<const registry::Leaf> mine)
    : plan_(&plan), chunks_(&chunks), rank_(nodes.world().rank()) {
  const std::string_view bytes{reinterpret_cast<const char*>(mine.data()), mine.size_bytes()};
  for (const std::string& part : nodes.local().gather_text(bytes, 0, Purpose::weights)) here_ += part;
  here_ = nodes.local().broadcast_text(std::move(here_), 0, Purpose::weights);
  first_ = nodes.count() == 1 ? here_ : nodes.world().broadcast_text(here_, 0, Purpose::weights);
}

registry::Leaf MachineLeaves::here(std::size_t chunk) const { return leaf_at(here_, chunk); }

void MachineLeaves::expect(std::size_t chunk, const registry::Leaf& found) const {
  const registry::Leaf expected = leaf_at(first_, chunk);
  if (found == expected) return;
  throw Error{Category::communication,
              verifying_weights,
              place_of(*plan_, (*chunks_)[chunk], rank_),
              Expected{"XXH3-128 " + registry::hex(expected) + " of " +
                       std::to_string((*chunks_)[chunk].length) + " bytes, as rank 0's machine read them"},
              Got{registry::hex(found)},
              "the files are not the same on all machines, or the memory or the disk of one is damaged"};
}

void MachineLeaves::expect_same() const {
  for (std::size_t i = 0; i < chunks_->size(); ++i) expect(i, here(i));
}

std::vector<bool> MachineLeaves::differing(const Nodes& nodes) const {
  std::vector<bool> differ;
  for (std::size_t i = 0; i < chunks_->size(); ++i) differ.push_back(here(i) != leaf_at(first_, i));
  return marked_anywhere(nodes.world(), differ);
}

}  // namespace ditmill::dist
