#include "jobs/engine/loading/text_spool.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "configs/pipeline_config.h"
#include "dist/comm/agree.h"
#include "registry/byte_source.h"

namespace ditmill::jobs::engine {
namespace {

registry::Leaf digest_of(std::string_view text) {
  return registry::leaf_digest(std::as_bytes(std::span(text)));
}

registry::Leaf digest_of(const models::TextTask& task) { return digest_of(task.encoder + '\n' + task.text); }

results::durable::File created(const std::string& path) {
  std::optional<results::durable::File> file = results::durable::File::create(path);
  if (!file) {
    throw Error{Category::internal, "create a spool of embeddings", Where{.file = path},
                Expected{"no such file"}, Got{"one, although this start has just made its folder"}};
  }
  return std::move(*file);
}

}  // namespace

std::string TextSpool::file_name(const std::string& folder, std::uint32_t rank) {
  return fmt::format("{}/r{:05}", folder, rank);
}

TextSpoolWriter::TextSpoolWriter(const std::string& folder, int rank)
    : file_(created(TextSpool::file_name(folder, static_cast<std::uint32_t>(rank)))),
      rank_(static_cast<std::uint32_t>(rank)) {}

void TextSpoolWriter::add(const models::TextTask& task, const models::EncodedText& encoded) {
  nlohmann::json list = nlohmann::json::array();
  std::string bytes;
  for (const auto& [name, tensor] : encoded.tensors) {
    const at::Tensor dense = tensor.contiguous();
    const bool bfloat16 = dense.scalar_type() == at::kBFloat16;
    if (!bfloat16 && dense.scalar_type() != at::kFloat) {
      throw Error{Category::internal, "spool an embedding", {}, Expected{"float32 or bfloat16"}};
    }
    list.push_back({{"name", name},
                    {"dtype", configs::name(bfloat16 ? configs::Dtype::bfloat16 : configs::Dtype::float32)},
                    {"shape", dense.sizes().vec()}});
    bytes.append(static_cast<const char*>(dense.data_ptr()), dense.nbytes());
  }
  const std::string text = list.dump();
  add({.list = static_cast<std::uint32_t>(text.size()),
       .tokens = static_cast<std::uint32_t>(encoded.tokens),
       .cut = static_cast<std::uint32_t>(encoded.tokens_cut)},
      task, text + bytes);
}

void TextSpoolWriter::add(const models::TextTask& task, const Error& error) {
  add(SpooledText{}, task, dist::to_text(error));
}

void TextSpoolWriter::add(SpooledText entry, const models::TextTask& task, std::string_view bytes) {
  file_.write(bytes);
  entry.text = digest_of(task);
  entry.content = digest_of(bytes);
  entry.offset = offset_;
  entry.length = bytes.size();
  entry.file = rank_;
  index_.push_back(entry);
  offset_ += bytes.size();
}

std::string TextSpoolWriter::finish() {
  file_.close();
  const auto bytes = std::as_bytes(std::span(index_));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TextSpool::TextSpool(std::string folder, std::string_view index)
    : folder_(std::move(folder)), index_(index.size() / sizeof(SpooledText)) {
  std::memcpy(index_.data(), index.data(), index_.size() * sizeof(SpooledText));
  std::sort(index_.begin(), index_.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
}

std::uint64_t TextSpool::bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const SpooledText& entry : index_) bytes += entry.length;
  return bytes;
}

models::EncodedText TextSpool::read(const models::TextTask& task) const {
  const registry::Leaf wanted = digest_of(task);
  const auto found = std::lower_bound(index_.begin(), index_.end(), wanted,
                                      [](const auto& entry, const auto& leaf) { return entry.text < leaf; });
  if (found == index_.end() || found->text != wanted) {
    throw Error{Category::internal, "read a spooled embedding", Where{.file = folder_},
                Expected{"every text of the job"}, Got{"none for " + printable(task.text, 80)}};
  }
  const SpooledText& entry = *found;
  const std::string path = file_name(folder_, entry.file);
  const std::unique_ptr<registry::ByteSource> source = registry::open_file(path);
  at::Tensor stored = at::empty({static_cast<std::int64_t>(entry.length)}, at::kByte);
  const std::span bytes(static_cast<std::byte*>(stored.data_ptr()), entry.length);
  source->read_at(entry.offset, bytes);
  if (registry::leaf_digest(bytes) != entry.content) {
    throw Error{Category::io,
                "read a spooled embedding",
                Where{.file = path, .offset = entry.offset},
                Expected{"XXH3-128 " + registry::hex(entry.content) + " of " + std::to_string(entry.length) +
                         " bytes"},
                Got{registry::hex(registry::leaf_digest(bytes))},
                "the run directory's file system lost what was written; start again: the job resumes"};
  }
  const std::string_view content{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (entry.list == 0) throw Error{dist::error_from_text(std::string{content})};
  const auto require = [&](bool right) {
    if (right) return;
    throw Error{Category::io, "read a spooled embedding", Where{.file = path, .offset = entry.offset},
                Expected{"tensors within " + std::to_string(entry.length) + " bytes"}};
  };
  require(entry.list <= entry.length);
  models::EncodedText encoded{.tokens = entry.tokens, .tokens_cut = entry.cut};
  auto offset = static_cast<std::int64_t>(entry.list);
  for (const nlohmann::json& each : nlohmann::json::parse(content.substr(0, entry.list))) {
    const bool bfloat16 = each.at("dtype") == configs::name(configs::Dtype::bfloat16);
    // A tensor of its own: a view would begin at any byte, and keep the others alive.
    at::Tensor tensor =
        at::empty(each.at("shape").get<std::vector<std::int64_t>>(), bfloat16 ? at::kBFloat16 : at::kFloat);
    const auto size = static_cast<std::int64_t>(tensor.nbytes());
    require(size <= static_cast<std::int64_t>(entry.length) - offset);
    std::memcpy(tensor.data_ptr(), bytes.data() + offset, static_cast<std::size_t>(size));
    offset += size;
    encoded.tensors.emplace(each.at("name").get<std::string>(), std::move(tensor));
  }
  return encoded;
}

}  // namespace ditmill::jobs::engine
