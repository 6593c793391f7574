#include "jobs/results/store/part_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "configs/declared_fields.h"
#include "configs/time_text.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/store/content_hash.h"
#include "jobs/results/store/hdf5/h5_dataset.h"

namespace ditmill::jobs::results {
namespace {

constexpr std::int64_t schema_version = 1;

void require_folder(const std::string& part) {
  const std::filesystem::path folder = std::filesystem::path(part).parent_path();
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) durable::sync_folder(folder.parent_path().string());
  if (error) throw system_error(error.value(), "make a folder for parts", Where{.file = folder.string()});
}

/// One chunk, or about a MiB each. A codec's bytes do not shrink: deflate would only cost time.
h5::Layout file_layout(std::size_t bytes) {
  constexpr std::size_t most = std::size_t{1} << 20;
  const std::size_t chunks = (bytes + most - 1) / most;
  return {.shape = {bytes}, .chunk = {(bytes + chunks - 1) / chunks}};
}

h5::Layout layout_of(const configs::Output& output, const PartOutput& kept, int gzip, const PartItem& item,
                     const std::string& file) {
  h5::Layout layout{.shape = {}, .chunk = {}, .gzip = gzip};
  std::size_t product = configs::bytes_of(output.type);
  bool fits = kept.shape.size() == output.axes.size();
  for (const std::int64_t extent : kept.shape) {
    fits = fits && extent > 0 && !__builtin_mul_overflow(product, static_cast<std::size_t>(extent), &product);
    layout.shape.push_back(static_cast<hsize_t>(extent));
  }
  if (!fits || product != kept.bytes.size()) {
    throw Error(
        Category::internal, "store the " + output.name + " of an item", Where{.file = file, .item = item.id},
        Expected{fmt::format("{} values of {} axes", fmt::join(kept.shape, " x "), output.axes.size())},
        Got{std::to_string(kept.bytes.size()) + " bytes"});
  }
  if (output.chunk.empty() && layout.shape.size() == 1) return file_layout(kept.bytes.size());
  layout.chunk = layout.shape;
  if (!output.chunk.empty()) layout.chunk[output.chunk_axis()] = 1;
  return layout;
}

}  // namespace

void write_root_attributes(hid_t file, const nlohmann::json& config, const std::string& software_version,
                           const std::string& path) {
  h5::write_attribute(file, "schema_version", schema_version, path);
  h5::write_attribute(file, "software", "ditmill", path);
  h5::write_attribute(file, "software_version", software_version, path);
  h5::write_attribute(file, "date", utc_text("%Y-%m-%d %H:%M:%S +0000"), path);
  h5::write_attribute(file, "config_json", config.dump(), path);
}

PartWriter::PartWriter(std::string path, int gzip, const nlohmann::json& config,
                       const std::string& software_version, h5::Buffer& memory)
    : path_(std::move(path)), gzip_(gzip), file_(path_, memory) {
  write_root_attributes(file_.get(), config, software_version, path_);
  items_ = h5::create_group(file_.get(), "items", path_);
}

std::string PartWriter::add(const PartItem& item) {
  const auto started = std::chrono::steady_clock::now();
  ContentHash hash;
  const h5::Group group = h5::create_group(items_.get(), item.id, path_);
  for (const configs::Output& output : configs::declared_outputs()) {
    const auto kept = std::ranges::find(item.outputs, output.name, &PartOutput::name);
    if (kept == item.outputs.end()) continue;
    const h5::Layout layout = layout_of(output, *kept, gzip_, item, path_);
    hash.update(kept->bytes);
    h5::write_dataset(group.get(), output.name, h5::file_type(output.type), layout, kept->bytes.data(), path_,
                      kept->attributes);
  }
  for (const auto& [name, value] : item.attributes) h5::write_attribute(group.get(), name, value, path_);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  h5::write_attribute(group.get(), "seconds_store", seconds.count(), path_);
  return hash.hex();
}

void PartWriter::finish() {
  items_.close("close a part", path_);
  bytes_ = file_.finish();
  // Here and not in seal(): that waits for the disk, which is what bounds a store.
  ContentHash hash;
  hash.update(std::as_bytes(std::span(*bytes_)));
  sealed_ = {.bytes = bytes_->size(), .hash = hash.hex()};
}

SealedPart PartWriter::seal() {
  if (!bytes_) finish();
  require_folder(path_);
  durable::write_file(path_, *bytes_);
  return sealed_;
}

}  // namespace ditmill::jobs::results
