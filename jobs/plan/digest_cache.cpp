#include "jobs/plan/digest_cache.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "configs/component_name.h"
#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "registry/digest.h"

namespace ditmill::jobs::plan {

StampedFile stamped(const std::string& path) { return {.path = path, .stamp = registry::file_stamp(path)}; }

std::vector<StampedFile> stamped_files(const registry::Component& component) {
  std::vector<StampedFile> files;
  for (const registry::WeightFile& file : component.files) files.push_back({file.path, file.stamp()});
  return files;
}

DigestCache DigestCache::read(const results::RunDirectory& run) {
  DigestCache memory;
  try {
    const nlohmann::json json =
        configs::by_component_name(nlohmann::json::parse(results::durable::read_file(run.digests())));
    for (const auto& [name, value] : json.items()) {
      Entry entry{.files = {},
                  .hyper_parameters_sha256 = value.at("hyper_parameters_sha256").get<std::string>(),
                  .root = value.at("root").get<std::string>()};
      for (const nlohmann::json& file : value.at("files")) {
        entry.files.push_back({.path = file.at("path").get<std::string>(),
                               .stamp = {.size = file.at("size").get<std::uint64_t>(),
                                         .mtime_ns = file.at("mtime_ns").get<std::int64_t>(),
                                         .inode = file.at("inode").get<std::uint64_t>()}});
      }
      memory.by_name_.emplace(name, std::move(entry));
    }
  } catch (const nlohmann::json::exception&) {
    return {};
  } catch (const Error&) {
    return {};
  }
  return memory;
}

std::optional<std::string> DigestCache::recall(std::string_view name, const DigestSubject& subject) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  const Entry& entry = found->second;
  const bool same = entry.files == subject.files &&
                    entry.hyper_parameters_sha256 == registry::sha256_hex(subject.hyper_parameters);
  return same ? std::optional{entry.root} : std::nullopt;
}

void DigestCache::remember(const std::string& name, const DigestSubject& subject, const std::string& root) {
  by_name_[name] = {.files = subject.files,
                    .hyper_parameters_sha256 = registry::sha256_hex(subject.hyper_parameters),
                    .root = root};
}

void DigestCache::write(const results::RunDirectory& run) const {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, entry] : by_name_) {
    nlohmann::json files = nlohmann::json::array();
    for (const auto& [path, stamp] : entry.files) {
      files.push_back(
          {{"path", path}, {"size", stamp.size}, {"mtime_ns", stamp.mtime_ns}, {"inode", stamp.inode}});
    }
    json[name] = {{"root", entry.root},
                  {"hyper_parameters_sha256", entry.hyper_parameters_sha256},
                  {"files", std::move(files)}};
  }
  results::durable::write_file(run.digests(),
                               json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace ditmill::jobs::plan
