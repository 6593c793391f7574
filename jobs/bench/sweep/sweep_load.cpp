#include "jobs/bench/sweep/sweep_load.h"

#include <fmt/format.h>

#include <filesystem>

#include "configs/error.h"
#include "jobs/submit/staging/engine_path.h"

namespace ditmill::jobs::bench {
namespace {

std::string absolute_path(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

}  // namespace

std::vector<std::string> load_words(const BenchLoadOptions& load, const std::string& result) {
  std::vector<std::string> words{submit::engine_path(),
                                 "bench",
                                 "load",
                                 absolute_path(load.model),
                                 "--strategy",
                                 load.strategy,
                                 "--parallel",
                                 load.parallel,
                                 "--device",
                                 load.device,
                                 "--repeats",
                                 std::to_string(load.repeats),
                                 "--warmup",
                                 std::to_string(load.warmup),
                                 "--hash",
                                 load.hash ? "on" : "off",
                                 "--json",
                                 "--out",
                                 absolute_path(result)};
  const auto add = [&words](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  add("--catalog", load.catalog.empty() ? "" : absolute_path(load.catalog));
  add("--component", load.component);
  add("--dtype", load.dtype);
  if (load.peers) words.emplace_back("--peers");
  if (load.cold) words.emplace_back("--cold");
  return words;
}

std::string served_folder(const std::string& model) {
  std::error_code failure;
  const std::filesystem::path path = std::filesystem::canonical(model, failure);
  if (failure) throw system_error(failure.value(), "find the model", Where{.file = model});
  return (std::filesystem::is_directory(path) ? path : path.parent_path()).string();
}

void check_end(const SweepLoad& load, int code, const std::string& where) {
  if (code == 0) return;
  throw Error{code == 1 ? Category::usage : Category::io,
              fmt::format("measure loading on {} machines ({})", load.nodes, where),
              {},
              Expected{"exit code 0 of bench load"},
              Got{std::to_string(code)},
              "what it said is above"};
}

}  // namespace ditmill::jobs::bench
