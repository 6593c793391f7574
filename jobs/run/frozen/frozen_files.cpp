#include "jobs/run/frozen/frozen_files.h"

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "jobs/requests/items/frozen_item.h"
#include "jobs/results/files/durable.h"
#include "registry/byte_source.h"
#include "registry/digest.h"

namespace ditmill::jobs::run {

std::string write_requests_beside(const results::RunDirectory& run, const requests::ItemList& items) {
  constexpr std::size_t write_bytes = std::size_t{1} << 20;
  std::string temp = run.requests() + std::string{results::durable::temp_suffix};
  results::durable::File file = results::durable::File::open(temp, O_WRONLY | O_CREAT | O_TRUNC);
  std::string text;
  for (const requests::PackedItem& item : items.packed()) {
    requests::append_frozen_item(text, item);
    if (text.size() < write_bytes) continue;
    file.write(text);
    text.clear();
  }
  file.write(text);
  file.close();
  return temp;
}

void publish_frozen(const results::RunDirectory& run, std::string_view manifest, const std::string& requests,
                    const nlohmann::json& config) {
  const std::string new_config = results::durable::write_beside(run.config(), config.dump(2) + "\n");
  results::durable::File::open(new_config, O_RDONLY).sync();  // before what it speaks of is published
  results::durable::write_file(run.manifest(), manifest);
  if (requests != run.requests()) results::durable::publish(requests, run.requests());
  results::durable::publish(new_config, run.config());
}

nlohmann::json read_unpublished_config(const results::RunDirectory& run) {
  const std::string path = run.config() + std::string{results::durable::temp_suffix};
  if (!std::filesystem::exists(path)) return nullptr;
  nlohmann::json config = nlohmann::json::parse(results::durable::read_file(path), nullptr, false);
  return config.is_object() ? config : nullptr;
}

std::string list_sha256(const std::string& path) { return registry::sha256_hex(*registry::open_file(path)); }

nlohmann::json dump_requests(const std::string& file, std::size_t items) {
  return {{"file", "requests.jsonl"}, {"items", items}, {"sha256", list_sha256(file)}};
}

}  // namespace ditmill::jobs::run
