#include "jobs/cli/results/h5_export.h"

#include <filesystem>

#include "configs/error.h"
#include "jobs/store/free_space.h"
#include "jobs/store/single_file.h"
#include "jobs/store/tools/frozen_config.h"

namespace ditmill::jobs {
namespace {

void require_room(const std::string& path, std::uint64_t bytes) {
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  const std::uint64_t free = free_bytes(folder);
  if (free >= bytes) return;
  throw Error(Category::no_space, "export one file", Where{.file = path},
              Expected{"room for " + std::to_string(bytes) + " bytes"}, Got{std::to_string(free) + " bytes"},
              "name a file elsewhere, or some of the items: --items A,B");
}

void require_content(const PartReader& part, const ListedItem& item, const std::string& path) {
  const std::string content = part.content(item.stored);
  if (content == item.content) return;
  throw Error(Category::bad_input, "read what is stored of an item", Where{.file = path, .item = item.id},
              Expected{"content " + item.content}, Got{content});
}

}  // namespace

std::uint64_t export_h5(const std::string& path, const ResultsRun& run,
                        const std::vector<const ListedItem*>& items, StoredClips& clips) {
  std::uint64_t bytes = 0;
  for (const ListedItem* item : items) {
    bytes += clips.part(*item).stored_bytes(item->stored) + SingleFile::bytes_beside;
  }
  require_room(path, bytes);
  SingleFile file(path, read_config(run.directory()));
  for (const ListedItem* item : items) {
    const PartReader& part = clips.part(*item);
    require_content(part, *item, run.part_of(*item));
    file.add(part, item->stored, item->id);
  }
  file.finish();
  return std::filesystem::file_size(path);
}

}  // namespace ditmill::jobs
