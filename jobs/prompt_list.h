#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/request.h"
#include "jobs/item.h"
#include "registry/byte_source.h"

namespace ditmill::jobs {

/// What an item takes where it says nothing.
struct ItemDefaults {
  configs::Request request;            ///< its negative_prompt without the preset's suffix
  std::string negative_prompt_suffix;  ///< the preset's; may be empty
};

/// A line and column; line 0: not written there.
struct TextPlace {
  int line = 0;
  int column = 0;
};

/// The first item of each combination of width, height and frames: what a model refuses of sizes is asked
/// once for each, not for each of a hundred thousand items.
struct SizedItem {
  std::size_t item = 0;  ///< index into items
  TextPlace width;       ///< of the item's own value; line 0: it took the default
  TextPlace height;
  TextPlace frames;
};

/// The items of a manifest, in the order of their list.
struct PromptList {
  std::vector<Item> items;
  std::vector<TextPlace> id_places;  ///< an item each: its id, or its record if it was given none
  std::vector<SizedItem> sizes;
};

enum class ListFormat { text, json_lines };

/// Problems of one list beyond which reading it stops.
inline constexpr std::size_t max_list_problems = 1000;

/// Reads a list: `.txt`, a prompt a line; `.jsonl`, an object a line with prompt and optional id,
/// negative_prompt, seed, width, height, frames, fps; its other fields are kept as metadata. A line {id, key,
/// request, metadata} of an earlier run's requests.jsonl is taken as it stands. UTF-8 with or without a byte
/// order mark, LF or CRLF, blank lines skipped. An item without an id gets its prompt's position, from 0,
/// with at least six digits; ids are unique. What is wrong is added to `problems` with its line and column
/// (counted in characters); faulty items are left out, but count as positions. Throws Error(io).
PromptList read_prompt_list(const registry::ByteSource& source, ListFormat format,
                            const ItemDefaults& defaults, std::vector<Problem>& problems);

/// Where the items of a list come together, be it a file or the manifest itself.
class ListBuilder {
 public:
  explicit ListBuilder(const ItemDefaults& defaults);

  /// The next position gets an item: all defaults, with the id of its position.
  Item next_item();
  /// Keeps an item that next_item() made and the caller filled. `size` holds the places of its own sizes.
  void add(Item item, TextPlace id_place, SizedItem size);
  /// Its negative prompt, as the model gets it: the user's, then the preset's.
  std::string final_negative_prompt(std::string_view users) const;
  std::size_t positions() const noexcept { return positions_; }

  /// The list, once ids are known to be unique: those that are not become problems, `most` at most.
  PromptList finish(const std::string& file, std::size_t most, std::vector<Problem>& problems);

 private:
  Item prototype_;
  std::string suffix_;
  std::size_t positions_ = 0;
  PromptList list_;
  std::set<std::array<int, 3>> seen_sizes_;
};

}  // namespace ditmill::jobs
