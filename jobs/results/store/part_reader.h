#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/results/store/hdf5/h5_attribute.h"

namespace ditmill::jobs::results {

/// Reads a sealed part. Every byte that it gives out has passed its Fletcher-32 checksum. All functions throw
/// Error: not_found (no such file), bad_input (no such item, or a damaged or foreign file), io.
class PartReader {
 public:
  using Shape = std::vector<std::int64_t>;

  explicit PartReader(const std::string& path);

  /// The ids in it, sorted.
  std::vector<std::string> items() const;
  h5::Attributes attributes(const std::string& id) const;
  /// Of an output (configs::declared_outputs()); none if it was not kept.
  std::optional<Shape> shape(const std::string& id, std::string_view output) const;
  std::vector<std::uint8_t> frames(const std::string& id) const { return bytes(id, "frames"); }
  /// One frame, H*W*3 bytes.
  std::vector<std::uint8_t> frame(const std::string& id, std::int64_t index) const {
    return row(id, "frames", index);
  }
  /// A row of the first axis of an output of bytes.
  std::vector<std::uint8_t> row(const std::string& id, std::string_view output, std::int64_t index) const;
  /// All values of an output of bytes.
  std::vector<std::uint8_t> bytes(const std::string& id, std::string_view output) const;
  /// All values of an output of real numbers.
  std::vector<float> reals(const std::string& id, std::string_view output) const;
  std::vector<float> latents(const std::string& id) const { return reals(id, "latents"); }
  std::vector<std::uint8_t> video(const std::string& id) const { return bytes(id, "video"); }
  h5::Attributes video_attributes(const std::string& id) const;
  /// The outputs that an item has, in the order of its ContentHash.
  std::vector<std::string> datasets(const std::string& id) const;
  /// Gives out all bytes of one of them, in order, some rows of its first axis at a time; all at once where
  /// chunks are across their order.
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
