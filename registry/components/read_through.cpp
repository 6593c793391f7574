#include "registry/components/read_through.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/error.h"
#include "registry/byte_source.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t largest_read = std::uint64_t{4} << 20;

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

bool is_taken(const LoadedComponent& one, std::string_view name) {
  if (!one.bound) return true;
  const std::string& prefix = one.component.identity.prefix;
  const std::string_view bare = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  const auto has = [bare](const std::vector<std::string>& names) {
    return std::ranges::binary_search(names, bare);
  };
  return !has(one.tensors.unexpected) && !has(one.tensors.passed_over);
}

/// What the tensors of a file that layers take lie in, in the order of the file, without overlap.
std::vector<ByteRange> ranges_of(const LoadedComponent& one, const WeightFile& file) {
  std::vector<ByteRange> ranges;
  for (const TensorInfo& tensor : file.tensors) {
    if (is_taken(one, tensor.name) && tensor.begin < tensor.end) ranges.push_back({tensor.begin, tensor.end});
  }
  std::ranges::sort(ranges, {}, &ByteRange::begin);
  std::vector<ByteRange> joined;
  for (const ByteRange& range : ranges) {
    if (!joined.empty() && range.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

void require_unchanged(const WeightFile& file) {
  if (file_stamp(file.path) == file.stamp()) return;
  throw Error{Category::bad_input,      "read the weights",
              Where{.file = file.path}, Expected{"the file as it was when its header was read"},
              Got{"another one"},       "something writes to it: wait for the download to finish"};
}

}  // namespace

ReadThrough read_through(const LoadedComponent& one) {
  ReadThrough done;
  std::vector<std::byte> buffer(largest_read);
  const auto start = std::chrono::steady_clock::now();
  for (const WeightFile& file : one.component.files) {
    require_unchanged(file);
    const std::unique_ptr<ByteSource> source = open_file(file.path);
    for (const ByteRange& range : ranges_of(one, file)) {
      for (std::uint64_t at = range.begin; at < range.end; at += largest_read) {
        const std::uint64_t bytes = std::min(largest_read, range.end - at);
        source->read_at(at, std::span{buffer}.first(bytes));
        done.bytes += bytes;
      }
    }
    require_unchanged(file);
  }
  done.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return done;
}

}  // namespace ditmill::registry
