#include "jobs/bench/bench_state.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "dist/comm/agree.h"

namespace ditmill::jobs::bench {
namespace {

/// A folder that no other measurement has.
std::string new_name() {
  return "ditmill-bench-" + std::to_string(::getpid()) + "-" + std::to_string(std::random_device{}());
}

std::filesystem::path temporary_folder() {
  // Open MPI's launcher removes its own, whatever becomes of the ranks.
  const char* session = std::getenv("PMIX_SERVER_TMPDIR");
  std::error_code error;
  if (session != nullptr && std::filesystem::is_directory(session, error)) return session;
  return std::filesystem::temp_directory_path();
}

}  // namespace

void publish_state(const dist::Communicator& world, dist::RankState& state) {
  const std::string name =
      world.broadcast_text(world.rank() == 0 ? new_name() : std::string{}, 0, dist::Purpose::plan);
  const auto failure =
      dist::failure_of([&] { state.publish((temporary_folder() / name / "status").native()); });
  if (failure) spdlog::warn("no status file, so a killed rank may not be named: {}", failure->what());
}

}  // namespace ditmill::jobs::bench
