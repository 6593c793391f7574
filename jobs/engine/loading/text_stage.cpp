#include "jobs/engine/loading/text_stage.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "configs/size_text.h"
#include "configs/time_text.h"
#include "dist/comm/agree.h"
#include "jobs/plan/memory/memory_plan.h"

namespace ditmill::jobs::engine {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t texts_a_block = 1024;
/// Texts of a rank between two looks at whether all ranks are well.
constexpr std::size_t texts_an_agreement = 16;
constexpr auto between_lines = std::chrono::seconds{10};

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

/// The share of this rank's tp team: a text in so many as there are teams.
std::vector<models::TextTask> deal_out(const dist::Communicator& comm, int team_size,
                                       const std::vector<models::TextTask>& texts) {
  const auto teams = static_cast<std::size_t>(comm.size() / team_size);
  const auto mine = static_cast<std::size_t>(comm.rank() / team_size);
  std::vector<models::TextTask> share;
  for (std::size_t first = 0;; first += texts_a_block) {
    nlohmann::json block = nlohmann::json::array();
    for (std::size_t i = first; i < std::min(texts.size(), first + texts_a_block); ++i) {
      block.push_back({texts[i].encoder, texts[i].text});
    }
    block = nlohmann::json::parse(comm.broadcast_text(block.dump(), 0, dist::Purpose::plan));
    for (std::size_t i = 0; i < block.size(); ++i) {
      if ((first + i) % teams != mine) continue;
      share.push_back({block[i][0].get<std::string>(), block[i][1].get<std::string>()});
    }
    if (block.size() < texts_a_block) return share;
  }
}

/// Whether an error of encoding belongs to one text. Encoding again would give it again.
bool belongs_to_the_text(const Error& error) { return fails_the_item(error.category()); }

/// Throws Error(no_space) on all ranks if the embeddings have no room.
void require_room(const dist::Communicator& comm, std::uint64_t bytes, const std::string& folder) {
  const std::vector<std::string> each = comm.gather_text(std::to_string(bytes), 0, dist::Purpose::plan);
  dist::agree(comm, [&] {
    if (comm.rank() != 0) return;
    const std::uint64_t all =
        std::accumulate(each.begin(), each.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const std::string& part) { return sum + std::stoull(part); });
    std::error_code unknown;
    const fs::space_info space = fs::space(folder, unknown);
    if (unknown || all <= space.available) return;
    throw Error{Category::no_space,
                "spool the embeddings of all texts",
                Where{.file = folder},
                Expected{"room for " + gigabytes(all)},
                Got{gigabytes(space.available)},
                "free some space, take another --run-dir, or components.text_encoder.offload: none"};
  });
}

class Encoding {
 public:
  Encoding(const dist::Communicator& comm, const dist::ParallelContext& parallel,
           models::TextEncoder& encoder, std::vector<models::TextTask> share, const GroupSeams& seams)
      : comm_(comm), parallel_(parallel), encoder_(encoder), share_(std::move(share)), seams_(seams) {}

  /// Whether this rank is the one of its team that stores.
  bool writes() const { return parallel_.place(dist::Team::tp) == 0; }

  std::uint64_t bytes() {
    std::uint64_t bytes = 0;
    if (!writes()) return bytes;
    for (const models::TextTask& task : share_) {
      if (const auto error = dist::failure_of([&] { bytes += encoder_.embedding_bytes(task); })) {
        if (!belongs_to_the_text(*error)) throw Error{*error};
      }
    }
    return bytes;
  }

  /// Collective: all shares are equally long, but for one text.
  void run(TextSpoolWriter& writer) {
    const auto rounds = static_cast<std::size_t>(
        comm_.max(static_cast<std::int64_t>(share_.size()), dist::Purpose::agreement));
    for (std::size_t at = 0; at < rounds; at += texts_an_agreement) {
      dist::agree(comm_, [&] {
        for (std::size_t i = at; i < std::min(share_.size(), at + texts_an_agreement); ++i) {
          seams_.tell("encoding text " + std::to_string(i + 1) + " of " + std::to_string(share_.size()));
          encode(share_[i], writer);
          log(i + 1);
        }
      });
    }
  }

 private:
  void encode(const models::TextTask& task, TextSpoolWriter& writer) {
    models::EncodedText encoded;
    const std::optional<Error> error = run_together(
        parallel_.size(dist::Team::tp), [&] { encoded = encoder_.encode(task); }, seams_.abandon);
    if (!writes()) return;
    if (!error) {
      writer.add(task, encoded);
    } else if (belongs_to_the_text(*error)) {
      writer.add(task, *error);
    } else {
      throw Error{*error};
    }
  }

  void log(std::size_t done) {
    if (comm_.rank() != 0 || Clock::now() - told_ < between_lines) return;
    told_ = Clock::now();
    const double left =
        seconds_since(began_) / static_cast<double>(done) * static_cast<double>(share_.size() - done);
    spdlog::info("texts: {} of {} encoded, {} left", done, share_.size(), duration_text(left));
  }

  const dist::Communicator& comm_;
  const dist::ParallelContext& parallel_;
  models::TextEncoder& encoder_;
  std::vector<models::TextTask> share_;
  const GroupSeams& seams_;
  Clock::time_point began_ = Clock::now();
  Clock::time_point told_ = began_;
};

}  // namespace

TextSpool encode_texts(const dist::Communicator& comm, const dist::ParallelContext& parallel,
                       models::TextEncoder& encoder, const std::vector<models::TextTask>& texts,
                       const std::string& folder, const GroupSeams& seams) {
  const Clock::time_point began = Clock::now();
  Encoding encoding{comm, parallel, encoder, deal_out(comm, parallel.size(dist::Team::tp), texts), seams};
  std::uint64_t bytes = 0;
  std::optional<TextSpoolWriter> writer;
  dist::agree(comm, [&] {
    bytes = encoding.bytes();
    writer.emplace(folder, comm.rank());
  });
  require_room(comm, bytes, folder);
  encoding.run(*writer);
  std::string index;
  dist::agree(comm, [&] { index = writer->finish(); });

  std::string all;
  for (const std::string& part : comm.gather_text(index, 0, dist::Purpose::plan)) all += part;
  TextSpool spool{folder, comm.broadcast_text(std::move(all), 0, dist::Purpose::plan)};
  if (comm.rank() == 0) {
    spdlog::info("encoded {} texts in {:.2f} s: {} on disk", spool.size(), seconds_since(began),
                 megabytes(spool.bytes(), 3));
  }
  return spool;
}

SpoolFolder::SpoolFolder(std::string path) : path_(std::move(path)) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) throw system_error(error.value(), "make a folder of the run directory", Where{.file = path_});
}

SpoolFolder::~SpoolFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) spdlog::warn("{} could not be removed ({}): the next start will", path_, error.message());
  fs::remove(fs::path(path_).parent_path(), error);
}

}  // namespace ditmill::jobs::engine
