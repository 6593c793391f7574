#include "jobs/run/clips/webdataset_export.h"

#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <variant>

#include "configs/declared_fields.h"
#include "configs/error.h"
#include "jobs/results/export/webdataset.h"

namespace ditmill::jobs::run {
namespace {

using nlohmann::json;

json description(const results::ListedItem& item, const results::PartReader& part) {
  json sample{{"id", item.id}, {"key", item.key}};
  for (const auto& [name, value] : part.attributes(item.stored)) {
    if (name == "metadata_json") {
      const auto* text = std::get_if<std::string>(&value);
      sample["metadata"] = json::parse(text == nullptr ? "" : *text, nullptr, false);
      continue;
    }
    const std::span<const std::string> fields = configs::request_field_names();
    if (name != "weights_digest" && std::ranges::find(fields, name) == fields.end()) continue;
    sample[name] = std::visit([](const auto& held) { return json(held); }, value);
  }
  for (const char* required : {"prompt", "metadata"}) {
    if (sample.contains(required) && !sample.at(required).is_discarded()) continue;
    throw Error(Category::bad_input, "export an item", Where{.item = item.id},
                Expected{std::string("what an item's attributes say of its ") + required}, Got{"none"});
  }
  return sample;
}

/// A stored dataset as an array file.
results::SampleFile array_file(const results::PartReader& part, const results::ListedItem& item,
                               const configs::Output& output, std::string extension) {
  const results::PartReader::Shape shape = part.shape(item.stored, output.name).value();
  std::string header =
      results::npy_header(output.type == configs::OutputType::float32 ? "<f4" : "|u1", shape);
  std::uint64_t bytes = configs::bytes_of(output.type);
  for (const std::int64_t extent : shape) bytes *= static_cast<std::uint64_t>(extent);
  return {.extension = std::move(extension),
          .size = header.size() + bytes,
          .bytes = [&part, id = item.stored, dataset = output.name,
                    header = std::move(header)](const auto& take) {
            take(std::as_bytes(std::span(header)));
            part.read_bytes(id, dataset, take);
          }};
}

results::SampleFile video_file(std::vector<std::uint8_t> video) {
  const std::uint64_t size = video.size();
  return {.extension = "mp4", .size = size, .bytes = [video = std::move(video)](const auto& take) {
            take(std::as_bytes(std::span(video)));
          }};
}

/// Frames of an item that keeps only its video.
results::SampleFile decoded_file(const results::ListedItem& item, StoredClips& clips) {
  const std::int64_t count = clips.count(item);
  std::string header =
      results::npy_header("|u1", std::array<std::int64_t, 4>{count, item.height, item.width, 3});
  const auto bytes = static_cast<std::uint64_t>(count) * item.height * item.width * 3;
  return {.extension = "npy",
          .size = header.size() + bytes,
          .bytes = [&clips, &item, count, header = std::move(header)](const auto& take) {
            take(std::as_bytes(std::span(header)));
            for (std::int64_t i = 0; i < count; ++i) {
              const results::Picture picture = clips.frame(item, i);
              take(std::as_bytes(std::span(picture.rgb)));
            }
          }};
}

std::vector<results::SampleFile> files_of(const results::ListedItem& item, SampleFrames wanted,
                                          StoredClips& clips, const json& description) {
  std::vector<results::SampleFile> files;
  files.push_back(
      results::text_file("json", description.dump(-1, ' ', false, json::error_handler_t::replace)));
  files.push_back(results::text_file("txt", description.at("prompt").get<std::string>()));
  const bool has_video = clips.has_video(item);
  const bool has_frames = clips.has_frames(item);
  const bool as_video = wanted == SampleFrames::mp4 || (wanted == SampleFrames::as_stored && has_video);
  if (as_video && (has_video || has_frames)) {
    files.push_back(video_file(has_video ? clips.video(item) : clips.encode(item, {})));
  } else if (has_frames) {
    files.push_back(array_file(clips.part(item), item,
                               *configs::output_named(configs::common_outputs(), "frames"), "npy"));
  } else if (has_video) {
    files.push_back(decoded_file(item, clips));
  }
  const results::PartReader& part = clips.part(item);
  for (const configs::Output& output : configs::declared_outputs()) {
    if (output.name == "frames" || output.name == "video" || !part.shape(item.stored, output.name)) continue;
    files.push_back(array_file(part, item, output, output.name + ".npy"));
  }
  return files;
}

}  // namespace

std::size_t export_webdataset(const ExportOptions& options,
                              const std::vector<const results::ListedItem*>& items, StoredClips& clips) {
  results::WebDatasetWriter writer(options.webdataset_folder, options.shard_bytes);
  for (const results::ListedItem* item : items) {
    json sample = description(*item, clips.part(*item));
    const std::vector<results::SampleFile> files = files_of(*item, options.sample_frames, clips, sample);
    writer.add(item->id, files, std::move(sample));
  }
  return writer.finish();
}

}  // namespace ditmill::jobs::run
