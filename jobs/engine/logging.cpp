#include "jobs/engine/logging.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <vector>

#include "configs/error.h"

namespace ditmill::jobs::engine {

void set_up_logging(int rank, const std::string& level, const std::string& file) {
  std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_color_sink_mt>()};
  if (!file.empty()) {
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    } catch (const spdlog::spdlog_ex& error) {
      throw Error{Category::usage, "open the log file", Where{.file = file}, {}, Got{error.what()}};
    }
  }
  auto logger = std::make_shared<spdlog::logger>("ditmill", sinks.begin(), sinks.end());
  const std::string who = rank == 0 ? "" : fmt::format("rank {}: ", rank);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ " + who + "%v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);  // whole lines, also if the process dies
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace ditmill::jobs::engine
