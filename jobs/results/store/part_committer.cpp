#include "jobs/results/store/part_committer.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "jobs/results/files/epoch_files.h"

namespace ditmill::jobs::results {

PartCommitter::PartCommitter(RunDirectory run, int epoch, JournalWriter& journal)
    : run_(std::move(run)), epoch_(epoch), journal_(journal), thread_([this] { this->run(); }) {}

PartCommitter::~PartCommitter() {
  {
    const std::scoped_lock lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PartCommitter::commit(FinishedPart part) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || !part_; });
  if (failure_) throw Error{*failure_};
  part_ = std::move(part);
  changed_.notify_all();
}

std::vector<Acknowledged> PartCommitter::acknowledged() {
  const std::scoped_lock lock(mutex_);
  if (failure_) throw Error{*failure_};
  return std::exchange(acknowledged_, {});
}

std::vector<Acknowledged> PartCommitter::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || !part_; });
  if (failure_) throw Error{*failure_};
  return std::exchange(acknowledged_, {});
}

void PartCommitter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ends_ || part_; });
    if (!part_) return;
    lock.unlock();
    std::vector<Acknowledged> done;
    std::optional<Error> failure;
    try {
      done = make_durable(*part_);
    } catch (const Error& error) {
      failure = error;
    } catch (const std::exception& error) {
      failure = Error{Category::internal, "seal a part", Where{.file = part_->path}, {}, Got{error.what()}};
    }
    lock.lock();
    part_.reset();
    failure_ = std::move(failure);
    acknowledged_.insert(acknowledged_.end(), done.begin(), done.end());
    changed_.notify_all();
    if (failure_) return;
  }
}

std::vector<Acknowledged> PartCommitter::make_durable(FinishedPart& part) {
  const SealedPart sealed = seal(part);
  std::vector<Acknowledged> acknowledged;
  for (Record& done : part.done) {
    done.part_bytes = sealed.bytes;
    done.part_hash = sealed.hash;
    acknowledged.push_back({.item = done.item, .key = done.key});
  }
  journal_.append(part.done);
  journal_.sync();
  return acknowledged;
}

/// A run that was stopped, and taken over meanwhile, may wake between any two of these lines.
SealedPart PartCommitter::seal(const FinishedPart& part) {
  require_owner();
  SealedPart sealed;
  try {
    sealed = part.part->seal();
  } catch (const Error&) {
    require_owner();  // the new owner has removed what it was writing
    throw;
  }
  if (superseded(run_, epoch_)) {
    // Its items are not journalled, so it is nobody's, and the new owner has swept already.
    std::error_code ignored;
    std::filesystem::remove(run_.path() + "/" + part.path, ignored);
  }
  require_owner();
  return sealed;
}

void PartCommitter::require_owner() const {
  if (superseded(run_, epoch_)) throw taken_over(run_, epoch_, "store results");
}

}  // namespace ditmill::jobs::results
