#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "configs/bounds.h"
#include "configs/declared_fields.h"
#include "configs/error.h"
#include "configs/field.h"

namespace ditmill::configs {

class MapReader;

/// Layer 3: one item, resolved: nothing is left to a default. Text is std::string, or a view of one in a list
/// that holds its items packed; More is what the family's own fields are held as.
template <typename Text, typename More>
struct RequestOf {
  Text id = {};
  Text prompt = {};           ///< as given: cleaning happens when it is encoded
  Text negative_prompt = {};  ///< final: the user's, then the preset's suffix
  std::int64_t seed = 42;     ///< 0 .. 2^63-1
  int width = 832;            ///< pixels
  int height = 480;           ///< pixels
  int frames = 81;
  double fps = 16;
  More more = {};  ///< of the fields that the model's family has besides (declared_fields.h)

  bool operator==(const RequestOf&) const = default;
};
using Request = RequestOf<std::string, FieldValues>;

/// Calls visit(field, member) for each field that all requests have, in the order of common_request_fields().
template <typename AnyRequest, typename Visit>
void visit_fields(AnyRequest& request, const Visit& visit) {
  const Field* field = common_request_fields().data();
  const auto each = [&](auto&... members) { (visit(*field++, members), ...); };
  each(request.id, request.prompt, request.negative_prompt, request.seed, request.width, request.height,
       request.frames, request.fps);
}

/// A request's text of a field that all models have. Throws Error(internal) for another one: families' own
/// fields are no text that is encoded.
template <typename AnyRequest>
std::string_view text_of(const AnyRequest& request, std::string_view field) {
  std::optional<std::string_view> text;
  visit_fields(request, [&](const Field& known, const auto& member) {
    if constexpr (std::is_convertible_v<decltype(member), std::string_view>) {
      if (known.name == field) text = member;
    }
  });
  if (text) return *text;
  throw Error{Category::internal, "find a text of a request", Where{.key = std::string{field}}};
}

/// One item as it is written: what stands for several items or for an id's own value is not resolved yet.
struct RequestDraft {
  Request request = {};
  bool auto_seed = false;         ///< the seed comes from name and id
  int samples = 1;                ///< items that it stands for, with seeds one after the other
  std::string resolution = {};    ///< what width and height came from; empty: they were given
  std::string aspect_ratio = {};  ///< empty: not given
  std::string size = {};          ///< from_image, or empty: width and height as they are

  bool operator==(const RequestDraft&) const = default;
};

/// `size`: width and height have a picture's aspect, and the area that they would have without it.
inline constexpr std::string_view from_image = "from-image";

/// The same of a draft, with those that only a draft has.
template <typename Draft, typename Visit>
void visit_draft(Draft& draft, const Visit& visit) {
  visit_fields(draft.request, visit);
  const Field* field = field_named(common_request_fields(), "samples");
  const auto each = [&](auto&... members) { (visit(*field++, members), ...); };
  each(draft.samples, draft.resolution, draft.aspect_ratio, draft.size);
}

/// The value of a field that a draft may have; of a family's, what it is where none was given (an empty text
/// if that is not said).
FieldValue value_of(const RequestDraft& draft, const Field& field);
/// Gives a draft the value that another one has of a field.
void copy_value(const Field& field, const RequestDraft& from, RequestDraft& to);

/// What any model may be asked for; a family refuses more (models/family.h).
inline constexpr Bounds<std::int64_t> seed_bounds{0, std::numeric_limits<std::int64_t>::max()};
inline constexpr Bounds<int> width_bounds{1, 16384};
inline constexpr Bounds<int> height_bounds{1, 16384};
inline constexpr Bounds<int> frames_bounds{1, 10000};
inline constexpr Bounds<double> fps_bounds{above_zero, 1000};
inline constexpr Bounds<int> samples_bounds{1, 1'000'000};

/// What a Problem adds to the numbers that it expects of a seed.
inline constexpr std::string_view or_auto =
    ", or \"auto\", which makes one of the job's name and the item's id";

/// What a Problem says of a `size` that is none, as other tools have them.
inline constexpr std::string_view other_size = "unknown field size: it is called width and height";
inline constexpr std::string_view sizes_form = "width and height, or resolution; or size: from-image";

/// Whether a text is an id: [A-Za-z0-9][A-Za-z0-9._~-]{0,127}
bool is_id(std::string_view text) noexcept;
/// What a Problem expects of an id.
inline constexpr std::string_view id_form =
    "1 to 128 letters, digits, '.', '_', '~' or '-', the first a letter or a digit";

/// The names of all fields that items of any model may have.
std::span<const std::string> request_field_names();
/// Whether a field of that name is a text or a word.
bool is_text_field(std::string_view name) noexcept;
/// Whether it is a whole number.
bool is_whole_field(std::string_view name) noexcept;

/// Which sizes one place (defaults, an item, a matrix) gives.
struct GivenSizes {
  bool width = false;
  bool height = false;
  bool resolution = false;
  bool aspect_ratio = false;
  bool size = false;
};
/// What is wrong with them: `field` (with its path) and `fault` are the message.
struct SizeMistake {
  std::string_view field;
  std::string fault;
  std::string expected;
  bool at_key = false;  ///< whether the key is at fault, not its value
};
/// Makes width and height of what was given: a resolution or an aspect ratio decides both, with what an
/// earlier place gave of the two (aspect ratio: usual_aspect_ratio at last). Within one place they exclude
/// width and height.
std::optional<SizeMistake> settle_sizes(RequestDraft& draft, const GivenSizes& given);

/// Reads `requests.defaults` over what `out` holds: all fields of an item but id and prompt.
/// `negative_prompt` is the user's, without the preset's suffix. Calls finish().
void read_request_defaults(MapReader defaults, RequestDraft& out);
/// Reads one item of `requests.items` over what `out` holds (its defaults). The prompt is required; an id
/// that is absent leaves the id as it was. Calls finish().
void read_request(MapReader item, RequestDraft& out);
/// As read_request_defaults(), but leaves width and height as they are given: for a matrix, whose fields are
/// read one by one.
void read_varied_field(MapReader field, RequestDraft& out);

}  // namespace ditmill::configs
