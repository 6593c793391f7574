#include "jobs/results/journal/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "configs/error.h"

namespace ditmill::jobs::results {

namespace {

durable::File new_journal(const std::string& path) {
  auto file = durable::File::create(path, O_APPEND);
  if (file) return *std::move(file);
  throw Error(Category::internal, "create a journal", Where{.file = path}, Expected{"no such file yet"},
              Got{"a second writer of one group in one epoch"});
}

}  // namespace

JournalWriter::JournalWriter(const std::string& path) : file_(new_journal(path)) {
  file_.sync();
  durable::sync_folder(std::filesystem::path(path).parent_path().string());
}

void JournalWriter::require_sound() const {
  // Another thread may be the first to tell it.
  if (failure_) throw Error{*failure_};
}

void JournalWriter::append(std::span<const Record> records) {
  std::string lines;
  for (const Record& record : records) lines += to_line(record);
  const std::scoped_lock lock(mutex_);
  require_sound();
  try {
    file_.write(lines);
  } catch (const Error& error) {
    failure_ = error;
    // A reader drops a torn line anyway; the cut only spares it the report.
    [[maybe_unused]] const int ignored = ::ftruncate(file_.fd(), static_cast<off_t>(size_));
    throw;
  }
  size_ += lines.size();
}

void JournalWriter::sync() {
  const std::scoped_lock lock(mutex_);
  require_sound();
  try {
    file_.sync();
  } catch (const Error& error) {
    // After a failed fsync the kernel may have dropped the pages: a second fsync would lie.
    failure_ = error;
    throw;
  }
}

}  // namespace ditmill::jobs::results
