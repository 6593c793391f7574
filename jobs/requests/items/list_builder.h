#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "configs/error.h"
#include "configs/request.h"
#include "configs/resolution.h"
#include "jobs/requests/items/input_files.h"
#include "jobs/requests/items/item_list.h"
#include "jobs/requests/items/matrix.h"
#include "jobs/requests/text/counted_warnings.h"
#include "jobs/requests/text/odd_prompts.h"

namespace ditmill::jobs::requests {

/// What an item takes where it says nothing, and what it stands for.
struct ItemDefaults {
  configs::RequestDraft draft = {};         ///< its negative_prompt without the preset's suffix
  std::string negative_prompt_suffix = {};  ///< the preset's; may be empty
  std::string name = {};                    ///< of the job: seeds may come from it
  Matrix matrix = {};
  std::set<std::string, std::less<>> lacking =
      {};  ///< fields of other models' requests, which this one's lack
  /// Declared fields that are metadata all the same: no model is there that could take them.
  std::set<std::string, std::less<>> as_metadata = {};
  std::set<std::string, std::less<>> required = {};  ///< of the family's fields: no item may be without them
  std::string directory = {};                        ///< what paths of files are relative to
  /// Width and height of a clip of about `area` pixels that begins with a picture; none: no model has said.
  std::function<configs::FrameSize(int width, int height, std::int64_t area)> size_of_picture = {};
  std::shared_ptr<InputFiles> files = std::make_shared<InputFiles>();

  /// What a Problem expects in place of one of those.
  std::string taken() const;
};

/// A line and column; line 0: not written there; column 0: on a further line of the record.
struct TextPlace {
  int line = 0;
  int column = 0;
};

/// The first item of each combination of width, height and frames: what a model refuses of sizes is asked
/// once for each, not for each of a hundred thousand items.
struct SizedItem {
  std::size_t item = 0;   ///< index into items
  TextPlace width = {};   ///< of the item's own value; line 0: it took the default
  TextPlace height = {};  ///< likewise; what width and height are made of, if they are
  TextPlace frames = {};
  std::size_t combination = 0;  ///< of the matrix
};

/// One record of a list, before a matrix and samples make items of it.
struct ItemDraft {
  configs::RequestDraft draft = {};
  std::string metadata = "{}";
  int line = 0;
  int column = 0;
};

/// What a record said, beyond its values.
struct RecordPlaces {
  TextPlace id = {};  ///< of its id, or of the record if it has none
  SizedItem size = {};
};

/// The items of a manifest, in the order of their list.
struct PromptList {
  ItemList items;
  std::vector<TextPlace> id_places;  ///< an item each: its id, or its record if it was given none
  std::vector<SizedItem> sizes;
  std::vector<Problem> warnings;            ///< what is accepted, but likely not what its author meant
  std::vector<std::string> metadata_names;  ///< fields that are kept and change nothing: the first thousand
};

/// A negative prompt as the model gets it: the user's, then the preset's.
std::string final_negative_prompt(std::string_view users, std::string_view suffix);
/// The position that an item has its id from, be it varied or a sample; none for an id that was given.
std::optional<std::size_t> position_of_id(std::string_view id);
/// `seed: auto`: the first 63 bits of the SHA-256 of "name/id".
std::int64_t seed_of(std::string_view name, std::string_view id);

/// Where the items of a list come together, be it a file or the manifest itself: each record becomes an item
/// for each combination of the matrix (its id followed by the values' parts), times its samples (then by
/// "-s0", "-s1",
/// ...).
class ListBuilder {
 public:
  /// `defaults` and `problems` outlive the builder; `file` names the list in problems.
  ListBuilder(std::string file, const ItemDefaults& defaults, std::vector<Problem>& problems);
  ListBuilder(const ListBuilder&) = delete;
  ListBuilder& operator=(const ListBuilder&) = delete;

  /// The next position gets a record: all defaults, with the id of its position.
  ItemDraft next_item();
  /// Keeps what next_item() made and the caller filled; its negative prompt is the user's.
  void add(ItemDraft item, const RecordPlaces& places);
  /// Keeps an item of a frozen list as it stands.
  void add_final(const Item& item);
  std::size_t positions() const noexcept { return positions_; }
  /// Those that finish() returns with the list.
  CountedWarnings& warnings() noexcept { return warnings_; }
  OddPrompts& odd_prompts() noexcept { return odd_prompts_; }

  /// The list, once ids are known to be unique: those that are not become problems, `most` at most.
  PromptList finish(std::size_t most);

 private:
  void add_samples(const ItemDraft& record, const RecordPlaces& places);
  bool take_size_of_picture(configs::Request& request, const RecordPlaces& places);
  bool has_required(const configs::Request& request, const RecordPlaces& places);
  void keep(const Item& item, TextPlace id_place, SizedItem size);
  bool has_room(std::size_t items, TextPlace place);
  void problem(TextPlace place, std::string message, std::string expected = {}, std::string got = {});
  void problem_of_matrix(const configs::SizeMistake& mistake, std::size_t combination, TextPlace record);

  std::string file_;
  CountedWarnings warnings_;
  OddPrompts odd_prompts_;
  const ItemDefaults* defaults_;
  std::vector<Problem>* problems_;
  ItemDraft prototype_;
  std::size_t positions_ = 0;
  PromptList list_;
  std::set<std::array<int, 3>> seen_sizes_;
  bool reported_matrix_ = false;
  bool full_ = false;
};

}  // namespace ditmill::jobs::requests
