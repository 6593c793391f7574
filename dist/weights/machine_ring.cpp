#include "dist/weights/machine_ring.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>
#include <new>

#include "dist/comm/agree.h"
#include "dist/weights/source/load_work.h"

namespace ditmill::dist {
namespace {

constexpr long longest_sleep_ns = 50'000'000;  // until it is looked whether all has been stopped

/// Sleeps while a word has that value, for a while at most: the kernel's wait between processes.
void sleep_while(const std::atomic<std::uint32_t>& word, std::uint32_t value) noexcept {
  const timespec most{.tv_sec = 0, .tv_nsec = longest_sleep_ns};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &most, nullptr, 0);
}

void wake_all(const std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

constexpr std::size_t whole_pages(std::size_t bytes) {
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

}  // namespace

MachineRing::MachineRing(const Communicator& local, std::size_t frames)
    : first_(local.rank() == 0), others_(static_cast<std::uint32_t>(local.size() - 1)) {
  const std::size_t before = whole_pages(sizeof(Head) + frames * sizeof(Entry));
  const std::size_t bytes = before + frames * Frame::memory_bytes;
  if (others_ == 0) {
    agree(local, [&] { memory_ = TensorMemory::own(bytes); });
  } else {
    memory_ = TensorMemory::shared(local, bytes);
  }
#ifdef MADV_POPULATE_WRITE
  // Where the system cannot, each page is mapped when it is first used.
  ::madvise(memory_->bytes().data(), memory_->bytes().size(), MADV_POPULATE_WRITE);
#endif
  first_frame_ = memory_->bytes().data() + before;
  for (std::size_t i = 0; i < frames; ++i) frames_.push_back(frame(i));
  if (!first_) return;
  // Of zeros, as the memory is: whoever looks sees the same before and after.
  new (&head()) Head;
  for (std::size_t i = 0; i < frames; ++i) new (&entry(i)) Entry;
}

void MachineRing::clear() noexcept {
  taken_ = head().published;
  if (!first_) return;
  for (std::size_t i = 0; i < size(); ++i) entry(i).holders = 0;
}

MachineRing::Entry& MachineRing::entry_of(const Frame& frame) const noexcept {
  return entry(static_cast<std::size_t>(frame.wire(0).data() - first_frame_) / Frame::memory_bytes);
}

void MachineRing::publish(const Frame& frame) noexcept {
  if (others_ == 0) return;
  Entry& own = entry_of(frame);
  own.holders.store(others_, std::memory_order_relaxed);
  const std::uint32_t number = head().published.load(std::memory_order_relaxed);
  Entry& told = entry(number % size());
  told.frame = static_cast<std::uint32_t>(&own - &entry(0));
  told.chunk = frame.chunk;
  head().published.store(number + 1, std::memory_order_release);
  wake_all(head().published);
}

void MachineRing::await(const Frame& frame, const std::atomic<bool>& stopped) const noexcept {
  const Word& holders = entry_of(frame).holders;
  while (const std::uint32_t left = holders.load(std::memory_order_acquire)) {
    if (stopped) return;
    sleep_while(holders, left);
  }
}

Frame* MachineRing::take(const std::atomic<bool>& stopped) noexcept {
  while (head().published.load(std::memory_order_acquire) == taken_) {
    if (stopped) return nullptr;
    sleep_while(head().published, taken_);
  }
  const Entry& told = entry(taken_++ % size());
  Frame& frame = frames_[told.frame];
  frame.chunk = told.chunk;
  return &frame;
}

void MachineRing::give_back(const Frame& frame) noexcept {
  Word& holders = entry_of(frame).holders;
  if (holders.fetch_sub(1, std::memory_order_acq_rel) == 1) wake_all(holders);
}

}  // namespace ditmill::dist
