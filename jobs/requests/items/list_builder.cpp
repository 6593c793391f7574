#include "jobs/requests/items/list_builder.h"

#include <algorithm>
#include <utility>

#include "configs/declared_fields.h"
#include "configs/list_text.h"
#include "configs/number_text.h"
#include "registry/hasher.h"

namespace ditmill::jobs::requests {
namespace {

constexpr std::size_t id_digits = 6;

std::string generated_id(std::size_t position) {
  std::string digits = std::to_string(position);
  if (digits.size() < id_digits) digits.insert(0, id_digits - digits.size(), '0');
  return digits;
}

}  // namespace

std::string final_negative_prompt(std::string_view users, std::string_view suffix) {
  std::string text{users};
  if (!text.empty() && !suffix.empty()) text += ' ';
  return text += suffix;
}

std::optional<std::size_t> position_of_id(std::string_view id) {
  const std::string_view digits = id.substr(0, std::min(id.find_first_not_of("0123456789"), id.size()));
  const std::string_view more = id.substr(digits.size());
  const std::optional<std::size_t> position = number_from_text<std::size_t>(digits);
  if (!position || generated_id(*position) != digits) return std::nullopt;
  return more.empty() || more.starts_with('~') || more.starts_with("-s") ? position : std::nullopt;
}

std::int64_t seed_of(std::string_view name, std::string_view id) {
  registry::Hasher hasher{registry::Hasher::Kind::sha256};
  hasher.add(name);
  hasher.add("/");
  hasher.add(id);
  const std::vector<std::uint8_t> digest = hasher.finish();
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < sizeof first; ++i) first = first << 8 | digest[i];
  return static_cast<std::int64_t>(first >> 1);
}

std::string ItemDefaults::taken() const {
  std::string names;
  for (const std::string& name : configs::request_field_names()) {
    if (!lacking.contains(name)) extend_list(names, name);
  }
  return "one of its fields: " + names;
}

ListBuilder::ListBuilder(std::string file, const ItemDefaults& defaults, std::vector<Problem>& problems)
    : file_(std::move(file)), odd_prompts_(file_, warnings_), defaults_(&defaults), problems_(&problems) {
  prototype_.draft = defaults.draft;
}

ItemDraft ListBuilder::next_item() {
  ItemDraft item = prototype_;
  item.draft.request.id = generated_id(positions_++);
  return item;
}

void ListBuilder::add(ItemDraft item, const RecordPlaces& places) {
  const Matrix& matrix = defaults_->matrix;
  configs::Request& request = item.draft.request;
  odd_prompts_.look_at(request.prompt, item.line, item.column);
  request.negative_prompt = final_negative_prompt(request.negative_prompt, defaults_->negative_prompt_suffix);
  if (matrix.empty()) return add_samples(item, places);
  for (std::size_t i = 0; i < matrix.combinations() && !full_; ++i) {
    ItemDraft varied = item;
    if (const std::optional<configs::SizeMistake> mistake = matrix.apply(i, varied.draft)) {
      return problem_of_matrix(*mistake, i, places.id);
    }
    RecordPlaces at = places;
    at.size.combination = i;
    add_samples(varied, at);
  }
}

void ListBuilder::add_samples(const ItemDraft& record, const RecordPlaces& places) {
  const configs::RequestDraft& draft = record.draft;
  const auto samples = static_cast<std::size_t>(draft.samples);
  const std::int64_t last = draft.samples - 1;
  if (!has_required(draft.request, places)) return;
  if (!has_room(samples, places.id)) return;
  if (!draft.auto_seed && draft.request.seed > configs::seed_bounds.most - last) {
    return problem(places.id, "the seeds of " + std::to_string(samples) + " samples go beyond the largest",
                   "a seed of at most " + std::to_string(configs::seed_bounds.most - last),
                   std::to_string(draft.request.seed));
  }
  Item item{
      .request = draft.request, .metadata = record.metadata, .line = record.line, .column = record.column};
  if (draft.size == configs::from_image && !take_size_of_picture(item.request, places)) return;
  const std::string& id = draft.request.id;
  const std::string longest = last > 0 ? id + "-s" + std::to_string(last) : id;
  if (!configs::is_id(longest)) {
    return problem(places.id, "the id " + longest + " is too long", std::string{configs::id_form},
                   std::to_string(longest.size()) + " characters");
  }
  for (std::size_t i = 0; i < samples; ++i) {
    if (last > 0) item.request.id = id + "-s" + std::to_string(i);
    item.request.seed = draft.auto_seed ? seed_of(defaults_->name, item.request.id)
                                        : draft.request.seed + static_cast<std::int64_t>(i);
    keep(item, places.id, places.size);
  }
}

bool ListBuilder::take_size_of_picture(configs::Request& request, const RecordPlaces& places) {
  const configs::FileValue* picture = nullptr;
  for (const configs::Field& field : configs::family_request_fields()) {
    const auto given = request.more.find(field.name);
    if (field.kind != configs::FieldKind::picture || given == request.more.end()) continue;
    picture = &std::get<configs::FileValue>(given->second);
    break;
  }
  if (picture == nullptr || !defaults_->size_of_picture) {
    problem(places.id, "size is from-image, and there is no image",
            picture == nullptr ? "a picture's path as image" : "a model that begins with pictures");
    return false;
  }
  const InputFile& file = defaults_->files->look({}, picture->path);
  if (file.width == 0) {
    problem(places.id, "size is from-image, and the picture is gone: " + printable(picture->path, max_shown),
            "the picture where it was, or width and height");
    return false;
  }
  const configs::FrameSize size =
      defaults_->size_of_picture(file.width, file.height, std::int64_t{request.width} * request.height);
  request.width = size.width;
  request.height = size.height;
  return true;
}

bool ListBuilder::has_required(const configs::Request& request, const RecordPlaces& places) {
  bool has_all = true;
  for (const std::string& field : defaults_->required) {
    if (request.more.contains(field)) continue;
    const configs::Field* known = configs::field_named(configs::family_request_fields(), field);
    problem(places.id, field + " is missing, which this model's requests have", configs::expected_of(*known));
    has_all = false;
  }
  return has_all;
}

void ListBuilder::add_final(const Item& item) {
  const TextPlace place{.line = item.line, .column = item.column};
  if (!defaults_->matrix.empty()) {
    if (!std::exchange(reported_matrix_, true)) {
      problem(place, "requests.matrix cannot vary the items of a frozen list",
              "a list as it was before a run");
    }
    return;
  }
  if (has_room(1, place)) keep(item, place, {});
}

void ListBuilder::keep(const Item& item, TextPlace id_place, SizedItem size) {
  const configs::Request& request = item.request;
  if (seen_sizes_.insert({request.width, request.height, request.frames}).second) {
    size.item = list_.items.size();
    list_.sizes.push_back(size);
  }
  list_.id_places.push_back(id_place);
  list_.items.add(item);
}

bool ListBuilder::has_room(std::size_t items, TextPlace place) {
  if (full_) return false;
  if (list_.items.size() + items <= max_items) return true;
  full_ = true;
  problem(place, "here the list grows beyond what one job may have",
          "at most " + std::to_string(max_items) + " items");
  return false;
}

void ListBuilder::problem(TextPlace place, std::string message, std::string expected, std::string got) {
  problems_->push_back({.file = file_,
                        .line = place.line,
                        .column = place.column,
                        .message = std::move(message),
                        .expected = std::move(expected),
                        .got = std::move(got)});
}

void ListBuilder::problem_of_matrix(const configs::SizeMistake& mistake, std::size_t combination,
                                    TextPlace record) {
  if (std::exchange(reported_matrix_, true)) return;
  const MatrixValue* value = defaults_->matrix.value(mistake.field, combination);
  problem(
      record,
      "requests.matrix." + std::string{mistake.field} + " (" + value->id_part.substr(1) + ")" + mistake.fault,
      mistake.expected);
}

PromptList ListBuilder::finish(std::size_t most) {
  IdIndex ids{list_.items};
  for (std::size_t i = 0; i < list_.items.size() && most > 0; ++i) {
    const std::optional<std::size_t> earlier = ids.insert(i);
    if (!earlier) continue;
    const PackedItem& first = list_.items.packed()[*earlier];
    problem(list_.id_places[i],
            "the id " + std::string{first.id} + " is already that of line " + std::to_string(first.line),
            "an id of its own");
    --most;
  }
  list_.warnings = warnings_.take();
  return std::move(list_);
}

}  // namespace ditmill::jobs::requests
