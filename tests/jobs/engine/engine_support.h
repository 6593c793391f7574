#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/engine/items/protocol.h"
#include "jobs/engine/loading/text_source.h"
#include "jobs/results/files/run_directory.h"
#include "jobs/results/journal/record.h"
#include "models/generator.h"

namespace ditmill::jobs::engine {

/// Clips whose making is a test's: `make` is called before each, on the thread that works, and may throw,
/// wait, or do what others would do meanwhile.
class MadeUpClips : public models::ClipGenerator {
 public:
  using Make = std::function<void(const configs::Request&)>;

  explicit MadeUpClips(Make make, std::size_t at_once = 1) : make_(std::move(make)), at_once_(at_once) {}

  std::size_t clips_at_once() const noexcept override { return at_once_; }
  std::vector<models::ClipLatents> denoise(std::span<const models::ClipInput> clips,
                                           const dist::Tell& tell) override;
  dist::TensorMap decode(const at::Tensor& latents) override { return {{"frames", latents}}; }
  /// How many were made together, each time.
  const std::vector<std::size_t>& batches() const noexcept { return batches_; }

 private:
  Make make_;
  std::size_t at_once_;
  std::vector<std::size_t> batches_;
};

/// Embeddings of nothing; `encode`, if any, is called before each.
TextSource made_up_texts(std::function<void(const std::string&)> encode = {});

/// "ask", "done 2", "fatal".
std::string describe(const GroupMessage& message);

/// What the journals of a run say, in their order.
std::vector<results::Record> journal_of(const results::RunDirectory& run);
/// The ids of one event, in the journals' order; an event of no item has none.
std::vector<std::string> items_with(const results::RunDirectory& run, results::Event event);
/// Waits until the journals say that this item is done.
void wait_until_done(const results::RunDirectory& run, const std::string& id);

/// What is logged while it lives, a line each: "warning: it is late".
class CapturedLog {
 public:
  CapturedLog();
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;
  ~CapturedLog();

  std::vector<std::string> lines() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ditmill::jobs::engine
