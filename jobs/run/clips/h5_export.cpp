#include "jobs/run/clips/h5_export.h"

#include <filesystem>

#include "configs/error.h"
#include "jobs/results/files/free_space.h"
#include "jobs/results/store/single_file.h"
#include "jobs/run/frozen/frozen_config.h"

namespace ditmill::jobs::run {
namespace {

void require_room(const std::string& path, std::uint64_t bytes) {
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  const std::uint64_t free = results::free_bytes(folder);
  if (free >= bytes) return;
  throw Error(Category::no_space, "export one file", Where{.file = path},
              Expected{"room for " + std::to_string(bytes) + " bytes"}, Got{std::to_string(free) + " bytes"},
              "name a file elsewhere, or some of the items: --items A,B");
}

void require_content(const results::PartReader& part, const results::ListedItem& item,
                     const std::string& path) {
  const std::string content = part.content(item.stored);
  if (content == item.content) return;
  throw Error(Category::bad_input, "read what is stored of an item", Where{.file = path, .item = item.id},
              Expected{"content " + item.content}, Got{content});
}

}  // namespace

std::uint64_t export_h5(const std::string& path, const results::ResultsRun& run,
                        const std::vector<const results::ListedItem*>& items, StoredClips& clips) {
  std::uint64_t bytes = 0;
  for (const results::ListedItem* item : items) {
    bytes += clips.part(*item).stored_bytes(item->stored) + results::SingleFile::bytes_beside;
  }
  require_room(path, bytes);
  results::SingleFile file(path, read_config(run.directory()));
  for (const results::ListedItem* item : items) {
    const results::PartReader& part = clips.part(*item);
    require_content(part, *item, run.part_of(*item));
    file.add(part, item->stored, item->id);
  }
  file.finish();
  return std::filesystem::file_size(path);
}

}  // namespace ditmill::jobs::run
