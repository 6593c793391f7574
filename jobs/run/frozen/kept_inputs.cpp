#include "jobs/run/frozen/kept_inputs.h"

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include "configs/error.h"
#include "jobs/requests/items/item.h"
#include "jobs/results/files/durable.h"
#include "registry/digest.h"

namespace ditmill::jobs::run {
namespace {

namespace fs = std::filesystem;

bool is_there(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

void keep_input(const results::RunDirectory& run, const configs::FileValue& file, bool all) {
  const std::string kept = run.input(file.sha256);
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file.path, error);
  if (error || is_there(kept) || (!all && size >= small_input)) return;
  std::string bytes;
  try {
    bytes = results::durable::read_file(file.path);
  } catch (const Error&) {
    return;  // the item that needs it says so
  }
  if (registry::sha256_hex(bytes) == file.sha256) results::durable::write_file(kept, bytes);
}

}  // namespace

void keep_inputs(const results::RunDirectory& run, const requests::ItemList& items,
                 const std::optional<bool>& all) {
  if (all.has_value() && !*all) return;
  std::set<std::string> seen;
  std::string_view before;
  for (const requests::PackedItem& item : items.packed()) {
    if (item.more.empty() || item.more == before) continue;
    before = item.more;
    for (const auto& [field, value] : requests::unpacked_fields(item.more)) {
      const auto* file = std::get_if<configs::FileValue>(&value);
      if (file == nullptr || !seen.insert(file->sha256).second) continue;
      if (seen.size() == 1) results::RunDirectory::make_folder(run.inputs());
      keep_input(run, *file, all.value_or(false));
    }
  }
}

configs::FieldValues with_kept_inputs(const results::RunDirectory& run, configs::FieldValues fields) {
  for (auto& [field, value] : fields) {
    auto* file = std::get_if<configs::FileValue>(&value);
    if (file == nullptr || is_there(file->path)) continue;
    if (std::string kept = run.input(file->sha256); is_there(kept)) file->path = std::move(kept);
  }
  return fields;
}

}  // namespace ditmill::jobs::run
