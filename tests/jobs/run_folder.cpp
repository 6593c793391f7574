#include "tests/jobs/run_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "configs/dump.h"
#include "jobs/results/files/durable.h"

namespace ditmill::jobs {

requests::Item make_item(int number, int width, int height, int frames) {
  requests::Item item;
  item.request = {.id = "item" + std::to_string(number),
                  .prompt = "Prompt “" + std::to_string(number) + "”",
                  .negative_prompt = "",
                  .seed = number,
                  .width = width,
                  .height = height,
                  .frames = frames,
                  .fps = 16};
  item.metadata = R"({"shelf":"a"})";
  item.key = "key-of-" + item.request.id;
  return item;
}

std::vector<std::uint8_t> frame_bytes(const requests::Item& item) {
  const configs::Request& request = item.request;
  std::mt19937_64 random(static_cast<std::uint64_t>(request.seed));
  std::vector<std::uint8_t> bytes(
      static_cast<std::size_t>(request.frames * request.height * request.width * 3));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() >> 56);
  return bytes;
}

results::FinishedItem make_finished(const requests::Item& item, bool with_latents) {
  results::FinishedItem finished{.item = &item,
                                 .attempt = 1,
                                 .started = "2026-01-02T03:04:05Z",
                                 .frames = frame_bytes(item),
                                 .text = {.tokens = 600, .cut = 88},
                                 .negative = {.tokens = 7},
                                 .seconds_text = 0.25,
                                 .seconds_denoise = 0.5,
                                 .seconds_decode = 0.125};
  if (with_latents) {
    finished.latent_shape = {4, 3, 2, 5};
    finished.latents.resize(120);
    for (std::size_t i = 0; i < finished.latents.size(); ++i) {
      finished.latents[i] = static_cast<float>(i) / 8 - static_cast<float>(item.request.seed);
    }
  }
  return finished;
}

results::StoreProvenance make_provenance() {
  return {.model_key_hash = "0123456789abcdef0123456789abcdef",
          .weights_digest = "sha256:00ff",
          .manifest_sha256 = "11ee",
          .ditmill_version = "9.8.7",
          .layer1 = {{"path", "/models/tiny"}},
          .layer2 = {{"solver", "unipc"}},
          .steps = 8,
          .guidance = 5.5};
}

void write_requests(const results::RunDirectory& run, const std::vector<requests::Item>& items) {
  std::string text;
  for (const requests::Item& item : items) {
    text += nlohmann::json{{"id", item.request.id},
                           {"key", item.key},
                           {"request", configs::dump_layer3(item.request)},
                           {"metadata", nlohmann::json::parse(item.metadata)}}
                .dump() +
            "\n";
  }
  results::durable::write_file(run.requests(), text);
}

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(folder).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace ditmill::jobs
