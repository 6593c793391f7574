#include "dist/liveness/rank_state.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "configs/error.h"
#include "configs/list_text.h"
#include "dist/liveness/process.h"
#include "registry/byte_source.h"

namespace ditmill::dist {
namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 8> record_magic{'d', 'i', 't', 'r', 'a', 'n', 'k', '2'};

struct Said {
  std::int64_t since_ms = 0;
  std::uint32_t length = 0;
  std::uint32_t waits = 0;
  std::uint64_t items_length = 0;
  std::array<char, RankState::longest_text> text{};
  std::array<char, RankState::longest_items> items{};
};
using SaidWords = std::array<std::uint64_t, sizeof(Said) / sizeof(std::uint64_t)>;
static_assert(sizeof(Said) == sizeof(SaidWords));

}  // namespace

/// The file, byte for byte. Who it is about is written before anybody can see it; the rest is a seqlock of
/// two slots: version v is in slot v % 2, and v + 1 is written to the other one. So a writer that is killed
/// between any two instructions leaves v whole, and a reader that still finds v afterwards has read no torn
/// slot.
struct RankRecord {
  std::array<char, 8> magic = record_magic;
  std::int32_t rank = -1;
  std::int32_t pid = 0;
  std::uint64_t pid_start = 0;
  std::uint64_t machine = 0;
  std::array<char, 64> host{};
  std::atomic<std::uint64_t> version = 0;
  std::atomic<std::uint64_t> leaves = 0;
  std::atomic<std::int64_t> group = -1;
  std::atomic<std::uint64_t> signal = 0;
  std::atomic<std::int64_t> died_ms = 0;
  std::atomic<std::int64_t> alive_ms = 0;
  std::array<std::array<std::atomic<std::uint64_t>, std::tuple_size_v<SaidWords>>, 2> slots{};
};

namespace {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it is shared between processes");

/// One writer at a time.
void write_said(RankRecord& record, const Said& said) {
  const auto words = std::bit_cast<SaidWords>(said);
  const std::uint64_t next = record.version.load(std::memory_order_relaxed) + 1;
  // Who sees a word of the new slot sees that its reading of the version before last is out of date.
  std::atomic_thread_fence(std::memory_order_release);
  auto& slot = record.slots[next % 2];
  for (std::size_t i = 0; i < words.size(); ++i) slot[i].store(words[i], std::memory_order_relaxed);
  record.version.store(next, std::memory_order_release);
}

Said read_said(const RankRecord& record) {
  for (;;) {
    const std::uint64_t version = record.version.load(std::memory_order_acquire);
    const auto& slot = record.slots[version % 2];
    SaidWords words{};
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = slot[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (record.version.load(std::memory_order_relaxed) == version) return std::bit_cast<Said>(words);
  }
}

RankReport report_of(const RankRecord& record) {
  const Said said = read_said(record);
  const auto host_end = std::find(record.host.begin(), record.host.end(), '\0');
  return {
      .rank = record.rank,
      .host = std::string(record.host.begin(), host_end),
      .machine = record.machine,
      .pid = record.pid,
      .pid_start = record.pid_start,
      .doing = std::string(said.text.data(), std::min<std::size_t>(said.length, said.text.size())),
      .since_ms = said.since_ms,
      .alive_ms = std::max(said.since_ms, record.alive_ms.load(std::memory_order_acquire)),
      .waits = said.waits != 0,
      .leaves = record.leaves.load(std::memory_order_acquire) != 0,
      .group = static_cast<int>(record.group.load(std::memory_order_acquire)),
      .items = std::string(said.items.data(), std::min<std::size_t>(said.items_length, said.items.size())),
      .signal = static_cast<int>(record.signal.load(std::memory_order_acquire)),
      .died_ms = record.died_ms.load(std::memory_order_acquire)};
}

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// The longest start of a text that fits and ends with a whole character.
std::string_view cut(std::string_view text) {
  if (text.size() <= RankState::longest_text) return text;
  std::size_t end = RankState::longest_text;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

constexpr std::string_view before_rank = ".r";

std::string file_name(const std::string& folder, const std::string& host, int rank) {
  std::string digits = std::to_string(rank);
  if (digits.size() < 5) digits.insert(0, 5 - digits.size(), '0');
  return folder + "/" + host + std::string(before_rank) + digits;
}

/// False, with errno, if that fails.
bool write_durably(int fd, const void* data, std::size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(fd, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    at += written;
    bytes -= static_cast<std::size_t>(written);
  }
  int synced = -1;
  do {
    synced = ::fsync(fd);
  } while (synced != 0 && errno == EINTR);
  return synced == 0;
}

void* map(int fd, int protection) {
  void* const memory = ::mmap(nullptr, sizeof(RankRecord), protection, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

std::string describe(const RankReport& report) {
  std::string text = "rank " + std::to_string(report.rank);
  if (report.pid > 0) text += " (" + printable(report.host) + ", pid " + std::to_string(report.pid) + ")";
  return text;
}

bool has_died(const RankReport& report, const RankReport& self) {
  return !report.leaves && report.pid > 0 && report.machine == self.machine &&
         process_start(report.pid) != report.pid_start;
}

RankState::RankState(int rank) : own_(std::make_unique<RankRecord>()), record_(own_.get()) {
  const Process self = this_process();
  own_->rank = rank;
  own_->pid = self.pid;
  own_->pid_start = self.start;
  own_->machine = std::hash<std::string>{}(self.host + "\n" + self.boot_id + "\n" + self.pid_namespace);
  std::copy_n(self.host.begin(), std::min(self.host.size(), own_->host.size() - 1), own_->host.begin());
  set("starting");
}

RankState::~RankState() {
  if (file_.empty()) return;
  ::munmap(record_.exchange(own_.get()), sizeof(RankRecord));
  std::error_code ignored;  // the next start removes what is left
  fs::remove(file_, ignored);
  if (fs::remove(folder_, ignored)) fs::remove(fs::path(folder_).parent_path(), ignored);
}

void RankState::set(std::string_view doing) { say(doing, false); }

void RankState::wait(std::string_view what_for) { say(what_for, true); }

void RankState::step() {
  const std::scoped_lock lock(writers_);
  Said said = read_said(*record_);
  said.since_ms = now_ms();
  write_said(*record_, said);
}

void RankState::leave() noexcept {
  const std::scoped_lock lock(writers_);
  record_.load()->leaves.store(1, std::memory_order_release);
}

void RankState::beat() noexcept {
  const std::scoped_lock lock(writers_);
  record_.load()->alive_ms.store(now_ms(), std::memory_order_release);
}

void RankState::join(int group) noexcept {
  const std::scoped_lock lock(writers_);
  record_.load()->group.store(group, std::memory_order_release);
}

void RankState::take(std::span<const std::string> ids) {
  std::string text;
  for (const std::string& id : ids) {
    if (text.size() + 1 + id.size() > longest_items) break;
    extend_list(text, id, ",");
  }
  const std::scoped_lock lock(writers_);
  Said said = read_said(*record_);
  said.since_ms = now_ms();
  said.items_length = text.size();
  std::copy(text.begin(), text.end(), said.items.begin());
  write_said(*record_, said);
}

void RankState::die_of(int signal) noexcept {
  RankRecord& record = *record_.load();
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  record.died_ms.store(now.tv_sec * 1000 + now.tv_nsec / 1'000'000, std::memory_order_release);
  record.signal.store(static_cast<std::uint64_t>(signal), std::memory_order_release);
}

void RankState::say(std::string_view doing, bool waits) {
  const std::string_view text = cut(doing);
  const std::scoped_lock lock(writers_);
  Said said = read_said(*record_);
  said.since_ms = now_ms();
  said.length = static_cast<std::uint32_t>(text.size());
  said.waits = waits ? 1U : 0U;
  std::copy(text.begin(), text.end(), said.text.begin());
  write_said(*record_, said);
}

void RankState::publish(const std::string& folder) {
  constexpr const char* doing = "make a rank's status file";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw system_error(error.value(), doing, Where{.file = folder});

  const std::scoped_lock lock(writers_);
  const RankReport self = report_of(*own_);
  const std::string file = file_name(folder, self.host, self.rank);
  const registry::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd.get() < 0) throw system_error(errno, doing, Where{.file = file});
  // Written and synced, not stretched: a disk that is full is an error here, not a SIGBUS at the first set().
  if (!write_durably(fd.get(), own_.get(), sizeof(RankRecord))) {
    const int why = errno;
    ::unlink(file.c_str());
    throw system_error(why, doing, Where{.file = file});
  }
  void* const memory = map(fd.get(), PROT_READ | PROT_WRITE);
  if (memory == nullptr) throw system_error(errno, doing, Where{.file = file});
  record_ = static_cast<RankRecord*>(memory);
  folder_ = folder;
  file_ = file;
}

std::string RankState::folder() const {
  const std::scoped_lock lock(writers_);
  return folder_;
}

RankReport RankState::report() const {
  const std::scoped_lock lock(writers_);
  return report_of(*record_);
}

std::uint64_t RankState::version() const noexcept {
  const std::scoped_lock lock(writers_);
  return record_.load()->version.load(std::memory_order_relaxed);
}

std::optional<RankReport> read_report(const std::string& folder, const std::string& host, int rank) {
  const registry::UniqueFd fd(::open(file_name(folder, host, rank).c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return std::nullopt;
  // A file that is still too short would be a SIGBUS where it is read.
  if (::lseek(fd.get(), 0, SEEK_END) != static_cast<off_t>(sizeof(RankRecord))) return std::nullopt;
  void* const memory = map(fd.get(), PROT_READ);
  if (memory == nullptr) return std::nullopt;
  const auto* record = static_cast<const RankRecord*>(memory);
  std::optional<RankReport> report;
  if (record->magic == record_magic && record->rank == rank) report = report_of(*record);
  ::munmap(memory, sizeof(RankRecord));
  return report;
}

std::vector<RankReport> read_reports(const std::string& folder, const std::string& host) {
  std::vector<RankReport> reports;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const std::size_t host_ends = name.rfind(before_rank);
    if (host_ends == std::string::npos) continue;
    const std::string of_host = name.substr(0, host_ends);
    if (!host.empty() && of_host != host) continue;
    int rank = 0;
    std::from_chars(name.data() + host_ends + before_rank.size(), name.data() + name.size(), rank);
    if (std::optional<RankReport> report = read_report(folder, of_host, rank)) {
      reports.push_back(std::move(*report));
    }
  }
  std::sort(reports.begin(), reports.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return reports;
}

void note_death(const std::string& folder, const RankReport& dead) noexcept {
  const registry::UniqueFd fd(::open(file_name(folder, dead.host, dead.rank).c_str(), O_RDWR | O_CLOEXEC));
  if (fd.get() < 0 || ::lseek(fd.get(), 0, SEEK_END) != static_cast<off_t>(sizeof(RankRecord))) return;
  void* const memory = map(fd.get(), PROT_READ | PROT_WRITE);
  if (memory == nullptr) return;
  std::int64_t unknown = 0;
  static_cast<RankRecord*>(memory)->died_ms.compare_exchange_strong(unknown, now_ms());
  ::munmap(memory, sizeof(RankRecord));
}

}  // namespace ditmill::dist
