#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "jobs/results/store/hdf5/h5_attribute.h"

namespace ditmill::jobs::results {

/// Reads a sealed part. Every byte that it gives out has passed its Fletcher-32 checksum. All functions throw
/// Error: not_found (no such file), bad_input (no such item, or a damaged or foreign file), io.
class PartReader {
 public:
  using Shape = std::array<std::int64_t, 4>;

  explicit PartReader(const std::string& path);

  /// The ids in it, sorted.
  std::vector<std::string> items() const;
  h5::Attributes attributes(const std::string& id) const;
  /// T, H, W, 3; none if frames were not kept.
  std::optional<Shape> frames_shape(const std::string& id) const;
  /// C, T, H, W; none if latents were not kept.
  std::optional<Shape> latents_shape(const std::string& id) const;
  std::vector<std::uint8_t> frames(const std::string& id) const;
  /// One frame, H*W*3 bytes.
  std::vector<std::uint8_t> frame(const std::string& id, std::int64_t index) const;
  std::vector<float> latents(const std::string& id) const;
  /// Bytes of the video file; none if it was not kept.
  std::optional<std::int64_t> video_bytes(const std::string& id) const;
  std::vector<std::uint8_t> video(const std::string& id) const;
  h5::Attributes video_attributes(const std::string& id) const;
  /// The datasets that an item has, in the order of its ContentHash.
  std::vector<std::string> datasets(const std::string& id) const;
  /// Gives out all bytes of one of them, in order: frames one by one, a video about a MiB at a time, latents
  /// at once (their chunks are across their order).
  void read_bytes(const std::string& id, const std::string& dataset,
                  const std::function<void(std::span<const std::byte>)>& take) const;
  /// Bytes that an item's datasets take in the file.
  std::uint64_t stored_bytes(const std::string& id) const;
  /// Copies an item into a group of another file, under another name; its datasets chunk by chunk, as they
  /// are compressed: no checksum is looked at.
  void copy(const std::string& id, hid_t group, const std::string& name) const;
  /// ContentHash of what is stored: to be compared with the journal's. Holds no more than read_bytes().
  std::string content(const std::string& id) const;

 private:
  h5::Group item(const std::string& id) const;

  std::string path_;
  h5::File file_;
  h5::Group items_;
};

}  // namespace ditmill::jobs::results
