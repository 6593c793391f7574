#include "jobs/results/listing/frozen_lines.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "configs/request.h"
#include "jobs/requests/items/frozen_item.h"
#include "jobs/results/files/run_again.h"

namespace ditmill::jobs::results {
namespace {

using nlohmann::json;

constexpr std::size_t max_line = std::size_t{16} << 20;

/// The key of a line as append_frozen_item() writes it: no more of it is looked at than its beginning.
std::optional<std::string_view> key_at_front(std::string_view line) {
  constexpr std::string_view before_id = R"({"id":")";
  constexpr std::string_view before_key = R"(","key":")";
  if (!line.starts_with(before_id)) return std::nullopt;
  line.remove_prefix(before_id.size());
  const std::size_t id_ends = line.find('"');
  if (id_ends == std::string_view::npos || !line.substr(id_ends).starts_with(before_key)) return std::nullopt;
  line.remove_prefix(id_ends + before_key.size());
  const std::size_t key_ends = line.find('"');
  if (key_ends == std::string_view::npos || key_ends == 0) return std::nullopt;
  return line.substr(0, key_ends);
}

std::string text_of(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

int number_of(const json& request, const char* field) {
  const auto found = request.find(field);
  return found != request.end() && found->is_number_integer() ? found->get<int>() : 0;
}

}  // namespace

FrozenLines::FrozenLines(std::unique_ptr<registry::ByteSource> source, const char* doing)
    : source_(std::move(source)), lines_(*source_, max_line), doing_(doing) {}

std::optional<FrozenLines> FrozenLines::open(const std::string& path, const char* doing) {
  try {
    return FrozenLines{registry::open_file(path), doing};
  } catch (const Error& error) {
    if (error.category() == Category::not_found) return std::nullopt;
    throw;
  }
}

std::string_view FrozenLines::key() {
  if (const std::optional<std::string_view> quick = key_at_front(text_)) return *quick;
  if (!requests::parse_json_line(text_, fields_)) {
    for (const requests::JsonField& field : fields_) {
      if (field.key != "key" || field.kind != requests::JsonKind::string) continue;
      return key_ = requests::json_text(field.raw);
    }
  }
  refuse("an object with id and key", printable(text_, max_shown));
}

FrozenHead FrozenLines::head(json& whole) const {
  whole = json::parse(text_, nullptr, false);
  FrozenHead head;
  if (whole.is_object()) {
    head.id = text_of(whole, "id");
    head.key = text_of(whole, "key");
  }
  const auto request = whole.is_object() ? whole.find("request") : whole.end();
  if (!configs::is_id(head.id) || head.key.empty() || request == whole.end() || !request->is_object()) {
    refuse("an object with id, key and request", printable(text_, max_shown));
  }
  head.width = number_of(*request, "width");
  head.height = number_of(*request, "height");
  head.frames = number_of(*request, "frames");
  return head;
}

requests::Item FrozenLines::item() {
  if (!lines_.terminated()) refuse("a line that ends with a newline", "a torn one");
  if (const std::optional<requests::JsonFault> fault = requests::parse_json_line(text_, fields_)) {
    refuse("{id, key, request, metadata}",
           fault->message + " at column " + std::to_string(requests::column_at(text_, fault->offset)));
  }
  requests::Item item{.line = line(), .column = 1};
  if (const std::optional<requests::FrozenFault> fault = requests::read_frozen_item(text_, fields_, item)) {
    refuse(fault->expected, fault->got);
  }
  return item;
}

void FrozenLines::refuse(std::string expected, std::string got) const {
  const std::string folder = std::filesystem::path(source_->label()).parent_path().string();
  throw Error{Category::bad_input,
              doing_,
              Where{.file = source_->label(), .line = line()},
              Expected{std::move(expected)},
              Got{std::move(got)},
              "this file is written by `ditmill run`; restore it, or " + see_verify(RunDirectory{folder})};
}

}  // namespace ditmill::jobs::results
