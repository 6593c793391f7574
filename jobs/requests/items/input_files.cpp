#include "jobs/requests/items/input_files.h"

#include <filesystem>
#include <memory>
#include <utility>
#include <variant>

#include "configs/written_path.h"
#include "models/pictures/read_picture.h"
#include "registry/byte_source.h"
#include "registry/digest.h"

namespace ditmill::jobs::requests {

InputFile look_at_picture(const std::string& path) {
  InputFile file{.value = {.path = path}};
  try {
    const std::unique_ptr<registry::ByteSource> source = registry::open_file(path);
    const models::pictures::PictureInfo info = models::pictures::read_info(*source);
    file.width = info.width;
    file.height = info.height;
    file.value.sha256 = registry::sha256_hex(*source);
  } catch (const Error& error) {
    file.fault = error;
  }
  return file;
}

const InputFile& InputFiles::look(const std::string& directory, const std::string& path) {
  const bool as_written = configs::fault_of_path(path).has_value();
  const std::string absolute =
      as_written ? path : (std::filesystem::path(directory) / path).lexically_normal().string();
  if (const auto found = files_.find(absolute); found != files_.end()) return found->second;
  InputFile file = look_at_picture(absolute);
  if (gone_ && file.fault && file.fault->category() == Category::not_found) {
    if (std::optional<InputFile> known = gone_(absolute)) file = *std::move(known);
  }
  return files_.emplace(absolute, std::move(file)).first->second;
}

Problem InputFiles::problem(std::string_view field, const InputFile& file) {
  const Error& fault = file.fault.value();
  Problem problem{.message =
                      std::string{field} + " cannot be read: " + printable(file.value.path, max_shown)};
  if (const auto path = configs::fault_of_path(file.value.path)) {
    problem.message = std::string{field} + path->message;
    problem.expected = path->expected;
    problem.got = printable(file.value.path, max_shown);
    return problem;
  }
  problem.expected = fault.expected().empty() ? "a picture: PNG, JPEG or WebP" : fault.expected();
  problem.got = fault.got().empty() ? printable(fault.what(), max_shown) : fault.got();
  return problem;
}

void InputFiles::look(configs::MapReader& reader, const std::string& directory,
                      configs::FieldValues& values) {
  for (auto& [field, value] : values) {
    auto* given = std::get_if<configs::FileValue>(&value);
    if (given == nullptr || !given->sha256.empty()) continue;
    const InputFile& file = look(directory, given->path);
    if (file.fault) {
      Problem fault = problem(reader.path_of(field), file);
      reader.problem(field, std::move(fault.message), std::move(fault.expected), std::move(fault.got));
    }
    *given = file.value;
  }
}

}  // namespace ditmill::jobs::requests
