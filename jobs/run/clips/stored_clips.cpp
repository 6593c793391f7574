#include "jobs/run/clips/stored_clips.h"

#include <algorithm>
#include <variant>

#include "configs/error.h"

namespace ditmill::jobs::run {
namespace {

results::ClipShape listed_shape(const results::ListedItem& item) {
  return {.frames = item.frames, .height = item.height, .width = item.width};
}

double fps_of(const results::PartReader& part, const results::ListedItem& item, const std::string& path) {
  for (const auto& [name, value] : part.attributes(item.stored)) {
    const double* fps = std::get_if<double>(&value);
    if (name == "fps" && fps != nullptr) return *fps;
  }
  throw Error(Category::bad_input, "read an item's frame rate", Where{.file = path, .item = item.id},
              Expected{"attribute fps, a float64"}, Got{"none"});
}

/// The same error, naming the item that it is about.
[[noreturn]] void rethrow_of(const Error& error, const std::string& path, const results::ListedItem& item) {
  throw Error(error.with({.where = Where{.file = path, .item = item.id}}));
}

}  // namespace

results::h5::Attributes StoredClips::attributes(const results::ListedItem& item) {
  return part(item).attributes(item.stored);
}

bool StoredClips::has_frames(const results::ListedItem& item) {
  const auto shape = part(item).shape(item.stored, "frames");
  return shape && (*shape)[0] > 0;
}

bool StoredClips::has_video(const results::ListedItem& item) {
  const auto shape = part(item).shape(item.stored, "video");
  return shape && shape->front() > 0;
}

std::int64_t StoredClips::count(const results::ListedItem& item) {
  return has_frames(item) ? frames_shape(item).frames : listed_shape(item).frames;
}

results::Picture StoredClips::frame(const results::ListedItem& item, std::int64_t index) {
  if (has_frames(item)) {
    const results::ClipShape shape = frames_shape(item);
    return {.width = static_cast<int>(shape.width),
            .height = static_cast<int>(shape.height),
            .rgb = part(item).frame(item.stored, index)};
  }
  const std::vector<std::uint8_t>& frames = decoded(item);
  const std::ptrdiff_t bytes = std::ptrdiff_t{3} * item.width * item.height;
  const auto first = frames.begin() + index * bytes;
  return {.width = item.width, .height = item.height, .rgb = {first, first + bytes}};
}

std::vector<std::uint8_t> StoredClips::video(const results::ListedItem& item) {
  return part(item).video(item.stored);
}

std::vector<std::uint8_t> StoredClips::encode(const results::ListedItem& item,
                                              const results::VideoConfig& config) {
  const results::ClipShape shape = frames_shape(item);
  const std::vector<std::uint8_t> frames = part(item).frames(item.stored);
  const double fps = fps_of(part(item), item, path_);
  try {
    return library().encode(frames, shape, fps, config);
  } catch (const Error& error) {
    if (error.category() == Category::bad_input) rethrow_of(error, path_, item);
    throw;
  }
}

const results::PartReader& StoredClips::part(const results::ListedItem& item) {
  std::string path = run_.part_of(item);
  if (!part_ || path != path_) {
    part_.emplace(path);
    path_ = std::move(path);
  }
  return *part_;
}

results::ClipShape StoredClips::frames_shape(const results::ListedItem& item) {
  const auto shape = part(item).shape(item.stored, "frames");
  if (!shape || (*shape)[3] != 3 || std::max((*shape)[1], (*shape)[2]) > 65'535) {
    throw Error(Category::bad_input, "read a frame", Where{.file = path_, .item = item.id},
                Expected{"frames of RGB, at most 65535 pixels a side"});
  }
  return {.frames = (*shape)[0], .height = (*shape)[1], .width = (*shape)[2]};
}

const results::VideoLibrary& StoredClips::library() {
  if (!library_) library_.emplace();
  return *library_;
}

const std::vector<std::uint8_t>& StoredClips::decoded(const results::ListedItem& item) {
  if (decoded_id_ == item.id) return decoded_;
  const std::vector<std::uint8_t> file = video(item);
  decoded_id_.clear();
  try {
    decoded_ = library().decode(file, listed_shape(item));
  } catch (const Error& error) {
    if (error.category() == Category::bad_input) rethrow_of(error, path_, item);
    throw;
  }
  decoded_id_ = item.id;
  return decoded_;
}

}  // namespace ditmill::jobs::run
