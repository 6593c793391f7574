#include "jobs/store/index.h"

#include "jobs/store/durable.h"
#include "jobs/store/h5_attribute.h"
#include "jobs/store/h5_memory_file.h"
#include "jobs/store/listing.h"
#include "jobs/store/part_writer.h"

namespace ditmill::jobs {
namespace {

void link_items(const h5::Group& group, const std::vector<ListedItem>& items, const std::string& file) {
  for (const ListedItem& item : items) {
    if (item.outcome != ItemOutcome::done) continue;
    // Parts are named relative to the index, so that a run directory can be moved.
    h5::call<H5Lcreate_external>("link an item", file, item.part.c_str(), ("/items/" + item.stored).c_str(),
                                 group.get(), item.id.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  }
}

}  // namespace

std::size_t write_index(const RunDirectory& run, const JournalState& journals, const nlohmann::json& config) {
  const std::vector<ListedItem> items = list_items(run, journals);
  std::vector<std::string> failed;
  std::vector<std::string> left;
  for (const ListedItem& item : items) {
    if (item.outcome == ItemOutcome::done) continue;
    (item.outcome == ItemOutcome::left ? left : failed).push_back(item.id);
  }

  const std::string path = run.index();
  h5::MemoryFile file(path);
  write_root_attributes(file.get(), config, config.value("version", ""), path);
  h5::write_attribute(file.get(), "missing_parts", journals.missing_parts, path);
  h5::write_attribute(file.get(), "failed_items", failed, path);
  h5::write_attribute(file.get(), "left_items", left, path);
  h5::Group group = h5::create_group(file.get(), "items", path);
  link_items(group, items, path);
  group.close("close the index", path);
  durable::write_file(path, file.finish());
  return items.size() - failed.size() - left.size();
}

}  // namespace ditmill::jobs
