#include "jobs/results/export/webdataset.h"

#include <fcntl.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t end_of_archive = 1024;
constexpr std::size_t shard_digits = 6;

/// NNNNNN.tar, as a shard is called.
bool is_shard(const std::string& name) {
  const std::size_t dot = name.find('.');
  return dot >= shard_digits && dot != std::string::npos && name.substr(dot) == ".tar" &&
         name.find_first_not_of("0123456789") == dot;
}

/// Makes room: shards without their metadata.jsonl are removed if it was being written, and only then.
void prepare(const std::string& folder, const std::string& metadata) {
  std::error_code error;
  fs::create_directories(folder, error);
  const bool interrupted = fs::exists(metadata + std::string{durable::temp_suffix});
  std::vector<fs::path> shards;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (is_shard(at->path().filename().string())) shards.push_back(at->path());
  }
  if (error) throw system_error(error.value(), "make a folder for shards", Where{.file = folder});
  if (fs::exists(metadata) || (!shards.empty() && !interrupted)) {
    throw Error(Category::usage, "export a data set", Where{.file = folder}, Expected{"a folder without one"},
                Got{"shards of an earlier export, or of another program"},
                "name another folder, or empty this one");
  }
  for (const fs::path& shard : shards) {
    if (!fs::remove(shard, error) && error) {
      throw system_error(error.value(), "remove what an earlier export left", Where{.file = shard.string()});
    }
  }
}

}  // namespace

SampleFile text_file(std::string extension, std::string text) {
  const std::uint64_t size = text.size();
  return {.extension = std::move(extension),
          .size = size,
          .bytes = [text = std::move(text)](const auto& take) { take(std::as_bytes(std::span(text))); }};
}

std::string sample_key(std::string_view id) {
  std::string key;
  for (const char c : id) {
    if (c == '.') {
      key += "%2E";
    } else {
      key += c;
    }
  }
  return key;
}

std::string npy_header(std::string_view dtype, std::span<const std::int64_t> shape) {
  constexpr std::size_t alignment = 64;
  constexpr std::size_t before = 10;
  std::string text = "{'descr': '" + std::string(dtype) + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t extent : shape) text += std::to_string(extent) + ", ";
  text += "), }";
  text += std::string((alignment - (before + text.size() + 1) % alignment) % alignment, ' ') + "\n";
  std::string header = "\x93NUMPY\x01";
  header += '\0';
  header += static_cast<char>(text.size() & 255);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

WebDatasetWriter::WebDatasetWriter(std::string folder, std::uint64_t shard_bytes)
    : folder_(std::move(folder)), shard_bytes_(shard_bytes), metadata_path_(folder_ + "/metadata.jsonl") {
  prepare(folder_, metadata_path_);
  metadata_ =
      durable::File::open(metadata_path_ + std::string{durable::temp_suffix}, O_WRONLY | O_CREAT | O_TRUNC);
}

void WebDatasetWriter::add(std::string_view id, const std::vector<SampleFile>& files,
                           nlohmann::json metadata) {
  const std::string key = sample_key(id);
  std::uint64_t bytes = 0;
  for (const SampleFile& file : files) bytes += TarWriter::bytes_of(key + "." + file.extension, file.size);
  if (shard_ && shard_->size() > 0 && shard_->size() + bytes + end_of_archive > shard_bytes_) end_shard();
  if (!shard_) shard_.emplace(folder_ + "/" + shard_name(shards_));
  metadata["shard"] = shard_name(shards_);
  metadata["offset"] = shard_->size();
  metadata["bytes"] = bytes;
  for (const SampleFile& file : files) {
    shard_->begin(key + "." + file.extension, file.size);
    file.bytes([this](std::span<const std::byte> piece) { shard_->write(piece); });
  }
  metadata_->write(metadata.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::size_t WebDatasetWriter::finish() {
  if (shard_) end_shard();
  metadata_->close();
  durable::publish(metadata_path_ + std::string{durable::temp_suffix}, metadata_path_);
  return shards_;
}

void WebDatasetWriter::end_shard() {
  shard_->finish();
  shard_.reset();
  ++shards_;
}

std::string WebDatasetWriter::shard_name(std::size_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < shard_digits) digits.insert(0, shard_digits - digits.size(), '0');
  return digits + ".tar";
}

}  // namespace ditmill::jobs::results
