#include "jobs/results/store/group_store.h"

#include <array>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "configs/dump.h"
#include "jobs/results/journal/writer.h"
#include "jobs/results/store/field_attribute.h"
#include "jobs/results/store/part_committer.h"
#include "jobs/results/store/part_writer.h"

namespace ditmill::jobs::results {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const FinishedItem& item) {
  return item.seconds_text + item.seconds_denoise + item.seconds_decode;
}

h5::Attributes video_attributes(const VideoConfig& video, const configs::Request& request) {
  return {{"media_type", std::string{video_media_type}},
          {"codec", std::string{video_codec}},
          {"fps", request.fps},
          {"crf", std::int64_t{video.crf}},
          {"pix_fmt", std::string{name(video.pix_fmt)}}};
}

/// A request's fields, but the id.
h5::Attributes request_attributes(const configs::Request& request) {
  h5::Attributes attributes;
  configs::visit_fields(request, [&](const configs::Field& field, const auto& value) {
    if (field.name != "id") attributes.emplace_back(field.name, h5::Value{value});
  });
  for (const auto& [field, value] : request.more) {
    add_field(attributes, field, value);
  }
  if (std::string inputs = requests::inputs_json(request.more); !inputs.empty()) {
    attributes.emplace_back("inputs_json", std::move(inputs));
  }
  return attributes;
}

/// What is kept of an item: what is empty is not.
std::vector<PartOutput> part_outputs(const FinishedItem& finished, const OutputConfig& config) {
  const configs::Request& request = finished.item->request;
  std::vector<PartOutput> outputs;
  if (!finished.frames.empty()) {
    outputs.push_back({.name = "frames",
                       .bytes = std::as_bytes(std::span(finished.frames)),
                       .shape = {request.frames, request.height, request.width, 3}});
  }
  if (!finished.latents.empty()) {
    outputs.push_back({.name = "latents",
                       .bytes = std::as_bytes(std::span(finished.latents)),
                       .shape = {finished.latent_shape.begin(), finished.latent_shape.end()}});
  }
  if (!finished.video.empty()) {
    outputs.push_back({.name = "video",
                       .bytes = std::as_bytes(std::span(finished.video)),
                       .shape = {static_cast<std::int64_t>(finished.video.size())},
                       .attributes = video_attributes(config.video.value_or(VideoConfig{}), request)});
  }
  for (const auto& [name, array] : finished.more) {
    outputs.push_back({.name = name, .bytes = array.bytes, .shape = array.shape});
  }
  return outputs;
}

PartItem part_item(const FinishedItem& finished, const StoreProvenance& provenance,
                   const OutputConfig& output) {
  const requests::Item& item = *finished.item;
  const configs::Request& request = item.request;
  const nlohmann::json dump{{"layer1_model_definition", provenance.layer1},
                            {"layer2_inference_config", provenance.layer2},
                            {"layer3_request", configs::dump_layer3(request)},
                            {"threads", provenance.threads}};
  h5::Attributes attributes = request_attributes(request);
  const h5::Attributes more{{"steps", std::int64_t{provenance.steps}},
                            {"guidance", provenance.guidance},
                            {"attempt", std::int64_t{finished.attempt}},
                            {"started", finished.started},
                            {"model_key_hash", provenance.model_key_hash},
                            {"weights_digest", provenance.weights_digest},
                            {"manifest_sha256", provenance.manifest_sha256},
                            {"ditmill_version", provenance.ditmill_version},
                            {"tokens", finished.text.tokens},
                            {"tokens_cut", finished.text.cut},
                            {"negative_tokens", finished.negative.tokens},
                            {"negative_tokens_cut", finished.negative.cut},
                            {"seconds_text", finished.seconds_text},
                            {"seconds_denoise", finished.seconds_denoise},
                            {"seconds_decode", finished.seconds_decode},
                            {"metadata_json", item.metadata},
                            {"config_json", dump.dump()}};
  attributes.insert(attributes.end(), more.begin(), more.end());
  return {.id = request.id, .outputs = part_outputs(finished, output), .attributes = std::move(attributes)};
}

}  // namespace

class GroupStore::Impl {
 public:
  Impl(RunDirectory run, int epoch, int group, OutputConfig output, StoreProvenance provenance,
       SealLimits limits)
      : run_(std::move(run)),
        epoch_(epoch),
        group_(group),
        output_(std::move(output)),
        provenance_(std::move(provenance)),
        limits_(limits),
        root_config_{{"layer1_model_definition", provenance_.layer1},
                     {"layer2_inference_config", provenance_.layer2}},
        journal_(run_.journal(epoch, group)),
        committer_(run_, epoch, journal_) {}

  void start(const requests::Item& item, int attempt) {
    // Not made durable: it only counts attempts, and what kills a process leaves it in the kernel's hands.
    journal_.append(record(Event::start, item, attempt));
  }

  void failed(const requests::Item& item, int attempt, const Error& error) {
    Record failure = record(Event::failed, item, attempt);
    failure.category = error.category();
    failure.reason = reason_of(error);
    journal_.append(failure);
    journal_.sync();
  }

  void stopped(std::span<const std::pair<requests::Item, int>> in_hand, const std::string& reason) {
    std::vector<Record> records;
    for (const auto& [item, attempt] : in_hand) records.push_back(record(Event::stopped, item, attempt));
    records.push_back({.time = journal_time(), .event = Event::stopped, .attempt = 0});
    for (Record& each : records) each.reason = reason;
    journal_.append(records);
    journal_.sync();
  }

  std::vector<Acknowledged> add(const FinishedItem& finished) {
    if (!part_) {
      opened_ = Clock::now();
      part_path_ = RunDirectory::part(epoch_, group_, ++part_number_);
      part_ = std::make_unique<PartWriter>(run_.path() + "/" + part_path_, output_.gzip, root_config_,
                                           provenance_.ditmill_version, memory_[part_number_ % 2]);
    }
    Record done = record(Event::done, *finished.item, finished.attempt);
    done.part = part_path_;
    done.content = part_->add(part_item(finished, provenance_, output_));
    open_.push_back(std::move(done));
    slow_ = slow_ || seconds_of(finished) > limits_.slow_item_seconds;
    return seal(false);
  }

  std::vector<Acknowledged> seal(bool now) {
    if (!open_.empty() && (now || is_due())) {
      part_->finish();
      committer_.commit({.part = std::move(part_), .path = part_path_, .done = std::exchange(open_, {})});
      slow_ = false;
    }
    return now || !limits_.behind ? committer_.wait() : committer_.acknowledged();
  }

 private:
  static Record record(Event event, const requests::Item& item, int attempt) {
    return {
        .time = journal_time(), .event = event, .item = item.request.id, .key = item.key, .attempt = attempt};
  }

  bool is_due() const {
    if (part_->size() >= limits_.bytes) return true;
    if (output_.items_per_part) return open_.size() >= static_cast<std::size_t>(*output_.items_per_part);
    return slow_ || open_.size() >= limits_.items || Clock::now() - opened_ >= limits_.age;
  }

  RunDirectory run_;
  int epoch_;
  int group_;
  OutputConfig output_;
  StoreProvenance provenance_;
  SealLimits limits_;
  nlohmann::json root_config_;
  JournalWriter journal_;
  std::array<h5::Buffer, 2> memory_;  ///< of the part that is built, and of the one under way
  PartCommitter committer_;
  std::unique_ptr<PartWriter> part_;
  int part_number_ = 0;
  std::string part_path_;  // relative to the run directory
  std::vector<Record> open_;
  Clock::time_point opened_;
  bool slow_ = false;
};

GroupStore::GroupStore(RunDirectory run, int epoch, int group, OutputConfig output,
                       StoreProvenance provenance, SealLimits limits)
    : impl_(std::make_unique<Impl>(std::move(run), epoch, group, std::move(output), std::move(provenance),
                                   limits)) {}
GroupStore::~GroupStore() = default;

void GroupStore::start(const requests::Item& item, int attempt) { impl_->start(item, attempt); }
std::vector<Acknowledged> GroupStore::add(const FinishedItem& item) { return impl_->add(item); }
void GroupStore::failed(const requests::Item& item, int attempt, const Error& error) {
  impl_->failed(item, attempt, error);
}
void GroupStore::stopped(std::span<const std::pair<requests::Item, int>> in_hand, const std::string& reason) {
  impl_->stopped(in_hand, reason);
}
std::vector<Acknowledged> GroupStore::seal(bool now) { return impl_->seal(now); }

}  // namespace ditmill::jobs::results
