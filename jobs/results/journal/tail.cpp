#include "jobs/results/journal/tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/journal/record_scan.h"

namespace ditmill::jobs::results {
namespace {

std::uint64_t size_of(const durable::File& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) {
    throw system_error(errno, "look at a journal", Where{.file = file.path()});
  }
  return static_cast<std::uint64_t>(status.st_size);
}

/// Appends up to `bytes` from there to `out`; returns how many there were.
std::size_t append_from(const durable::File& file, std::uint64_t offset, std::size_t bytes,
                        std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + bytes);
  ssize_t count = 0;
  do {
    count = ::pread(file.fd(), out.data() + before, bytes, static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  out.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) throw system_error(errno, "read a journal", Where{.file = file.path(), .offset = offset});
  return static_cast<std::size_t>(count);
}

}  // namespace

void JournalTail::look(const Take& take) {
  const int finished_before = newest_;
  for (const JournalFile& file : journal_files(run_)) {
    if (file.epoch < finished_before) continue;
    newest_ = std::max(newest_, file.epoch);
    Place& place = places_[file.path];
    place.file = file;
    try {
      read(place, take);
    } catch (const Error& error) {
      report(file.path, place.offset, error.what());
    }
  }
}

void JournalTail::read(Place& place, const Take& take) {
  const JournalFile& file = place.file;
  // Opened anew each time: that makes a network file system ask its server for the size.
  const durable::File open = durable::File::open(file.path, O_RDONLY);
  const std::uint64_t size = size_of(open);
  if (size == place.size) return;
  if (size < place.offset) {
    // A writer cuts off an unfinished line after a failed write, but never a whole one.
    report(file.path, size, "the journal has lost bytes that were read before: it was replaced or cut");
    place.offset = size;
    place.size = size;
    place.skips_line = false;
    return;
  }
  buffer_.clear();
  for (std::uint64_t at = place.offset;;) {
    const std::size_t count = append_from(open, at, longest_line, buffer_);
    at += count;
    bytes_read_ += count;
    place.size = at;
    if (count == 0) return;
    const std::size_t used = give_lines(place, take);
    place.offset += used;
    buffer_.erase(0, used);
    if (buffer_.size() <= longest_line) continue;
    if (!place.skips_line) {
      report(file.path, place.offset,
             "a damaged line was dropped: it is longer than " + std::to_string(longest_line) + " bytes");
    }
    place.skips_line = true;
    place.offset += buffer_.size();
    buffer_.clear();
  }
}

/// Gives the whole lines of the buffer; returns their bytes.
std::size_t JournalTail::give_lines(Place& place, const Take& take) {
  const std::string_view bytes = buffer_;
  std::size_t at = 0;
  for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n', at)) {
    if (!std::exchange(place.skips_line, false)) {
      give_line(place.file, place.offset + at, bytes.substr(at, end - at), take);
    }
    at = end + 1;
  }
  return at;
}

void JournalTail::give_line(const JournalFile& file, std::uint64_t offset, std::string_view line,
                            const Take& take) {
  if (scan_line(line, record_)) return take(file, record_);
  std::string why;
  if (const std::optional<Record> record = from_line(line, why)) return take(file, *record);
  report(file.path, offset, "a damaged line was dropped: " + why);
}

void JournalTail::report(const std::string& file, std::uint64_t offset, std::string message) {
  const auto again = [&](const JournalReport& one) {
    return one.file == file && one.offset == offset && one.message == message;
  };
  if (std::any_of(damage_.begin(), damage_.end(), again)) return;
  ++damage_count_;
  if (damage_.size() < most_reports) damage_.push_back({file, offset, std::move(message)});
}

std::vector<UnfinishedLine> JournalTail::unfinished() const {
  std::vector<UnfinishedLine> found;
  for (const auto& [path, place] : places_) {
    if (place.offset < place.size) found.push_back({place.file, place.offset, place.size - place.offset});
  }
  return found;
}

}  // namespace ditmill::jobs::results
