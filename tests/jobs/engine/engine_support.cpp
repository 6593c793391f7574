#include "tests/jobs/engine/engine_support.h"

#include <ATen/ATen.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <thread>

#include "jobs/results/journal/reader.h"

namespace ditmill::jobs::engine {

std::vector<models::ClipLatents> MadeUpClips::denoise(std::span<const models::ClipInput> clips,
                                                      const dist::Tell& /*tell*/) {
  batches_.push_back(clips.size());
  std::vector<models::ClipLatents> made;
  for (const models::ClipInput& clip : clips) {
    make_(clip.request);
    made.push_back(
        {.latents = at::zeros({clip.request.frames, clip.request.height, clip.request.width, 3}, at::kByte),
         .failure = {}});
  }
  return made;
}

TextSource made_up_texts(std::function<void(const std::string&)> encode) {
  return {.encoded =
              [encode = std::move(encode)](const models::TextTask& task) {
                if (encode) encode(task.text);
                return models::EncodedText{.tensors = {{"text", at::zeros({1, 1}, at::kFloat)}}};
              },
          .encodings = {{"text_encoder", "prompt", models::Use::positive}}};
}

std::string describe(const GroupMessage& message) {
  constexpr std::array words{"ask", "done", "failed", "late", "fatal", "leave", "drop"};
  std::string text = words[static_cast<std::size_t>(message.kind)];
  if (message.items > 0) text += " " + std::to_string(message.items);
  return text;
}

std::vector<results::Record> journal_of(const results::RunDirectory& run) {
  std::vector<results::Record> records;
  std::vector<results::JournalReport> reports;  // of a line that is being written
  for (const results::JournalFile& file : results::journal_files(run)) {
    results::for_each_record(file.path, reports,
                             [&](results::Record&& record) { records.push_back(std::move(record)); });
  }
  return records;
}

std::vector<std::string> items_with(const results::RunDirectory& run, results::Event event) {
  std::vector<std::string> ids;
  for (const results::Record& record : journal_of(run)) {
    if (record.event == event && !record.item.empty()) ids.push_back(record.item);
  }
  return ids;
}

void wait_until_done(const results::RunDirectory& run, const std::string& id) {
  while (true) {
    const std::vector<std::string> done = items_with(run, results::Event::done);
    if (std::find(done.begin(), done.end(), id) != done.end()) return;
    std::this_thread::yield();
  }
}

struct CapturedLog::State {
  std::ostringstream text;
  std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
};

CapturedLog::CapturedLog() : state_(std::make_unique<State>()) {
  const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(state_->text);
  const auto logger = std::make_shared<spdlog::logger>("captured", sink);
  logger->set_pattern("%l: %v", spdlog::pattern_time_type::local);
  spdlog::set_default_logger(logger);
}

CapturedLog::~CapturedLog() { spdlog::set_default_logger(state_->before); }

std::vector<std::string> CapturedLog::lines() const {
  std::vector<std::string> lines;
  std::istringstream text(state_->text.str());
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace ditmill::jobs::engine
