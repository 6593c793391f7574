#include "jobs/results/store/index.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/shell_word.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/listing/listing.h"
#include "jobs/results/store/hdf5/h5_attribute.h"
#include "jobs/results/store/hdf5/h5_memory_file.h"
#include "jobs/results/store/part_writer.h"

namespace ditmill::jobs::results {
namespace {

void link_item(const h5::Group& group, const ListedItem& item, const std::string& file) {
  // Parts are named relative to the index, so that a run directory can be moved.
  h5::call<H5Lcreate_external>("link an item", file, item.part.c_str(), ("/items/" + item.stored).c_str(),
                               group.get(), item.id.c_str(), H5P_DEFAULT, H5P_DEFAULT);
}

}  // namespace

std::size_t write_index(const RunDirectory& run, const JournalState& journals, const nlohmann::json& config) {
  std::size_t linked = 0;
  std::vector<std::string> failed;
  std::vector<std::string> left;
  const std::string path = run.index();
  if (std::filesystem::is_directory(std::filesystem::symlink_status(path))) {
    throw Error(Category::io, "write the index", Where{.file = path}, Expected{"a file, or none"},
                Got{"a folder"},
                "move it away: `mv " + shell_word(path) + " " + shell_word(path + ".moved") + "`");
  }
  h5::Buffer memory;
  h5::MemoryFile file(path, memory);
  h5::Group group = h5::create_group(file.get(), "items", path);
  for_each_item(run, journals, [&](ListedItem&& item) {
    if (item.outcome == ItemOutcome::done) {
      link_item(group, item, path);
      ++linked;
    } else {
      (item.outcome == ItemOutcome::left ? left : failed).push_back(std::move(item.id));
    }
  });
  group.close("close the index", path);
  write_root_attributes(file.get(), config, config.value("version", ""), path);
  h5::write_attribute(file.get(), "missing_parts", journals.missing_parts, path);
  h5::write_attribute(file.get(), "failed_items", failed, path);
  h5::write_attribute(file.get(), "left_items", left, path);
  durable::write_file(path, file.finish());
  return linked;
}

}  // namespace ditmill::jobs::results
