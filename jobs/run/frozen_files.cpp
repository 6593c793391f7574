#include "jobs/run/frozen_files.h"

#include <fcntl.h>

#include <cstddef>
#include <filesystem>

#include "jobs/list/frozen_item.h"
#include "jobs/store/durable.h"

namespace ditmill::jobs {

std::string write_requests_beside(const RunDirectory& run, const ItemList& items) {
  constexpr std::size_t write_bytes = std::size_t{1} << 20;
  std::string temp = run.requests() + std::string{durable::temp_suffix};
  durable::File file = durable::File::open(temp, O_WRONLY | O_CREAT | O_TRUNC);
  std::string text;
  for (const PackedItem& item : items.packed()) {
    append_frozen_item(text, item);
    if (text.size() < write_bytes) continue;
    file.write(text);
    text.clear();
  }
  file.write(text);
  file.close();
  return temp;
}

void publish_frozen(const RunDirectory& run, std::string_view manifest, const std::string& requests,
                    const nlohmann::json& config) {
  const std::string new_config = durable::write_beside(run.config(), config.dump(2) + "\n");
  durable::File::open(new_config, O_RDONLY).sync();  // before what it speaks of is published
  durable::write_file(run.manifest(), manifest);
  if (requests != run.requests()) durable::publish(requests, run.requests());
  durable::publish(new_config, run.config());
}

nlohmann::json read_unpublished_config(const RunDirectory& run) {
  const std::string path = run.config() + std::string{durable::temp_suffix};
  if (!std::filesystem::exists(path)) return nullptr;
  nlohmann::json config = nlohmann::json::parse(durable::read_file(path), nullptr, false);
  return config.is_object() ? config : nullptr;
}

}  // namespace ditmill::jobs
