#include "jobs/results/listing/frozen_lines.h"

#include <filesystem>
#include <utility>

#include "configs/error.h"
#include "jobs/results/files/run_again.h"

namespace ditmill::jobs::results {
namespace {

constexpr std::size_t max_line = std::size_t{16} << 20;

}  // namespace

FrozenLines::FrozenLines(std::unique_ptr<registry::ByteSource> source, const char* doing)
    : source_(std::move(source)), lines_(*source_, max_line), doing_(doing) {}

std::optional<FrozenLines> FrozenLines::open(const std::string& path, const char* doing) {
  try {
    return FrozenLines{registry::open_file(path), doing};
  } catch (const Error& error) {
    if (error.category() == Category::not_found) return std::nullopt;
    throw;
  }
}

void FrozenLines::refuse(std::string expected, std::string got) const {
  const std::string folder = std::filesystem::path(source_->label()).parent_path().string();
  throw Error{Category::bad_input,
              doing_,
              Where{.file = source_->label(), .line = line()},
              Expected{std::move(expected)},
              Got{std::move(got)},
              "this file is written by `ditmill run`; restore it, or " + see_verify(RunDirectory{folder})};
}

}  // namespace ditmill::jobs::results
