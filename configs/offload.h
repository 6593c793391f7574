#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace ditmill::configs {

class MapReader;

/// When weights are held, and what is brought at a time. stages (model): all, while their own stage runs;
/// sequential: a block, as it is used; async: a block, with others on their way.
enum class OffloadType { none, stages, sequential, async };
std::string_view name(OffloadType type) noexcept;

/// How a component's weights come and go. What has no blocks of its own to bring (all but the transformer)
/// comes and goes as a whole, whatever the type.
struct Offload {
  OffloadType type = OffloadType::none;
  double ratio = 1;  ///< async: of the blocks that come and go, 0 to 1
  int prefetch = 1;  ///< async: blocks that are on their way, at least 1

  constexpr bool any() const noexcept { return type != OffloadType::none; }
  constexpr bool by_block() const noexcept {
    return type == OffloadType::sequential || type == OffloadType::async;
  }
  bool operator==(const Offload&) const = default;
};

/// Reads a component's `offload`: a word, or {type, ratio, prefetch}. Problems go to the reader.
void read_offload(MapReader& component, Offload& out);

/// A word where that says all, else a mapping; read_offload() takes both.
nlohmann::json dump_offload(const Offload& offload);
/// Throws Error(bad_input), or nlohmann's exceptions, for what dump_offload() did not write.
Offload offload_from_dump(const nlohmann::json& dumped);

}  // namespace ditmill::configs
