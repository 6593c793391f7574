#include "jobs/plan/digest_cache.h"

#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "registry/digest.h"

namespace ditmill::jobs::plan {

FileStamp stamp_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw system_error(errno, "look at a file", Where{.file = path});
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  return {.path = path,
          .size = static_cast<std::uint64_t>(status.st_size),
          .mtime_ns = status.st_mtim.tv_sec * nanoseconds + status.st_mtim.tv_nsec,
          .inode = status.st_ino};
}

std::vector<FileStamp> stamps_of(const registry::Component& component) {
  std::vector<FileStamp> stamps;
  for (const registry::WeightFile& file : component.files) {
    stamps.push_back({.path = file.path, .size = file.size, .mtime_ns = file.mtime_ns, .inode = file.inode});
  }
  return stamps;
}

DigestCache DigestCache::read(const results::RunDirectory& run) {
  DigestCache memory;
  try {
    const nlohmann::json json = nlohmann::json::parse(results::durable::read_file(run.digests()));
    for (const auto& [role, value] : json.items()) {
      Entry entry{.files = {},
                  .hyper_parameters_sha256 = value.at("hyper_parameters_sha256").get<std::string>(),
                  .root = value.at("root").get<std::string>()};
      for (const nlohmann::json& file : value.at("files")) {
        entry.files.push_back({.path = file.at("path").get<std::string>(),
                               .size = file.at("size").get<std::uint64_t>(),
                               .mtime_ns = file.at("mtime_ns").get<std::int64_t>(),
                               .inode = file.at("inode").get<std::uint64_t>()});
      }
      memory.by_role_.emplace(role, std::move(entry));
    }
  } catch (const nlohmann::json::exception&) {
    return {};
  } catch (const Error&) {
    return {};
  }
  return memory;
}

std::optional<std::string> DigestCache::recall(std::string_view role, const DigestSubject& subject) const {
  const auto found = by_role_.find(role);
  if (found == by_role_.end()) return std::nullopt;
  const Entry& entry = found->second;
  const bool same = entry.files == subject.files &&
                    entry.hyper_parameters_sha256 == registry::sha256_hex(subject.hyper_parameters);
  return same ? std::optional{entry.root} : std::nullopt;
}

void DigestCache::remember(const std::string& role, const DigestSubject& subject, const std::string& root) {
  by_role_[role] = {.files = subject.files,
                    .hyper_parameters_sha256 = registry::sha256_hex(subject.hyper_parameters),
                    .root = root};
}

void DigestCache::write(const results::RunDirectory& run) const {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [role, entry] : by_role_) {
    nlohmann::json files = nlohmann::json::array();
    for (const FileStamp& file : entry.files) {
      files.push_back(
          {{"path", file.path}, {"size", file.size}, {"mtime_ns", file.mtime_ns}, {"inode", file.inode}});
    }
    json[role] = {{"root", entry.root},
                  {"hyper_parameters_sha256", entry.hyper_parameters_sha256},
                  {"files", std::move(files)}};
  }
  results::durable::write_file(run.digests(),
                               json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace ditmill::jobs::plan
