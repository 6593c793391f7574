#include "registry/tools/file_digest.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <semaphore>
#include <thread>

#include "registry/hasher.h"

namespace ditmill::registry {
namespace {

/// Reads a source ahead in a thread, leaf by leaf, and digests the leaves there: SHA-256 is a few times
/// slower than both, so it need not wait for them.
class ReadAhead {
 public:
  explicit ReadAhead(const ByteSource& source) : source_(source), reader_([this] { read(); }) {}
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() {
    stopped_ = true;
    free_.release();
  }

  /// The next leaf's bytes, until the next call; empty at the end. Throws what reading threw.
  std::span<const std::byte> next() {
    if (taken_ > 0) free_.release();
    filled_.acquire();
    if (failed_) std::rethrow_exception(failure_);
    return part(taken_++);
  }
  /// Precondition: next() has been empty.
  std::vector<Leaf> take_leaves() { return std::move(leaves_); }

 private:
  std::span<std::byte> part(std::uint64_t leaf) {
    const std::uint64_t at = leaf * leaf_bytes;
    const std::uint64_t size = at < source_.size() ? std::min(leaf_bytes, source_.size() - at) : 0;
    return {buffers_[leaf % buffers_.size()].data(), static_cast<std::size_t>(size)};
  }

  void read() {
    try {
      for (std::vector<std::byte>& buffer : buffers_) buffer.resize(std::min(leaf_bytes, source_.size()));
      for (std::uint64_t leaf = 0;; ++leaf) {
        free_.acquire();
        if (stopped_) return;
        const std::span<std::byte> bytes = part(leaf);
        if (!bytes.empty()) {
          source_.read_at(leaf * leaf_bytes, bytes);
          leaves_.push_back(leaf_digest(bytes));
        }
        filled_.release();
        if (bytes.empty()) return;
      }
    } catch (...) {
      failure_ = std::current_exception();
      failed_ = true;
      filled_.release();
    }
  }

  const ByteSource& source_;
  std::array<std::vector<std::byte>, 2> buffers_;
  std::counting_semaphore<> free_{2};
  std::counting_semaphore<> filled_{0};
  std::atomic<bool> stopped_ = false;
  std::uint64_t taken_ = 0;
  std::exception_ptr failure_;  // complete once failed_ is set
  std::atomic<bool> failed_ = false;
  std::vector<Leaf> leaves_;  // complete once the end was reached
  std::jthread reader_;       // the last: it uses all of the above
};

}  // namespace

DigestedFile digest_whole_file(const std::string& path) {
  const std::unique_ptr<ByteSource> source = open_file(path);
  Hasher sha256{Hasher::Kind::sha256};
  ReadAhead ahead{*source};
  for (auto bytes = ahead.next(); !bytes.empty(); bytes = ahead.next()) sha256.add(bytes);
  return {.path = path,
          .sha256 = hex(sha256.finish()),
          .digest = {.size = source->size(), .leaves = ahead.take_leaves()}};
}

std::vector<DigestedFile> digest_files(std::span<const std::string> paths) {
  std::vector<DigestedFile> files(paths.size());
  std::vector<std::exception_ptr> failures(paths.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < paths.size(); i = next++) {
      try {
        files[i] = digest_whole_file(paths[i]);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  {
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(cores, paths.size()); ++i) threads.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return files;
}

}  // namespace ditmill::registry
