#include "dist/liveness/sentinel.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "dist/comm/agree.h"
#include "dist/comm/mpi.h"
#include "dist/liveness/process.h"

namespace ditmill::dist {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int heartbeat_tag = 1;
constexpr int order_tag = 2;
constexpr int exit_lost = 3;
constexpr milliseconds tick{50};
/// What one tick may count at most: a rank that was itself stopped, or had no core, has not listened
/// meanwhile, and blames nobody for it.
constexpr milliseconds longest_tick{1000};
/// Between two ticks: the process was stopped.
constexpr milliseconds shortest_stop{200};
/// Rank 0 ends the job after SIGTERM; a rank that is still there then ends by itself.
constexpr milliseconds rank_0_ends_all{30'000};
/// From mpirun's warning to the end of a job, with time to spare: who is killed meanwhile did not die of its
/// own.
constexpr milliseconds warning_holds{5'000};
/// How long word of a lost rank may take to rank 0 before all are ended.
constexpr milliseconds last_message{100};

sigset_t signals_taken() noexcept {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGCONT);
  return set;
}

void let_sigterm_through() noexcept {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

struct Signal {
  int number = -1;
  pid_t from = 0;
};

/// Sleeps a tick; returns at once with the signal when one has come.
Signal signal_within_a_tick() {
  const sigset_t set = signals_taken();
  const timespec time{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(tick).count()};
  siginfo_t info{};
  const int number = ::sigtimedwait(&set, &info, &time);
  return {.number = number, .from = number < 0 ? 0 : info.si_pid};
}

/// In one write, so that lines of several ranks do not mix.
void say(const std::string& text) {
  const std::string line = "ditmill: " + text + "\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string heartbeat_text(const RankReport& report) {
  return json{{"host", report.host},       {"machine", report.machine}, {"pid", report.pid},
              {"start", report.pid_start}, {"doing", report.doing},     {"since", report.since_ms}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

RankReport report_from_heartbeat(int rank, std::span<const std::byte> bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  try {
    const json beat = json::parse(text, text + bytes.size());
    return {.rank = rank,
            .host = beat.at("host"),
            .machine = beat.at("machine"),
            .pid = beat.at("pid"),
            .pid_start = beat.at("start"),
            .doing = beat.at("doing"),
            .since_ms = beat.at("since")};
  } catch (const json::exception& error) {
    throw Error{Category::communication, "read a heartbeat", Where{.rank = rank}, {}, Got{error.what()}};
  }
}

std::string seconds(std::chrono::steady_clock::duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

/// What a rank was doing, and for how long by now.
std::string last_words(const RankReport& report) {
  if (report.doing.empty()) return "it has said nothing yet";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto since = std::max(now - milliseconds(report.since_ms), std::chrono::nanoseconds(0));
  return "it was: " + printable(report.doing) + " (for " + seconds(since) + ")";
}

constexpr const char* resumes = "; run the job again: it resumes";

}  // namespace

void Sentinel::take_over_signals() noexcept {
  const sigset_t set = signals_taken();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Sentinel::Sentinel(Communicator comm, RankState& state, SentinelLimits limits, SentinelHooks hooks)
    : comm_(std::move(comm)),
      state_(state),
      limits_(limits),
      hooks_(std::move(hooks)),
      farewell_(comm_.size() == 1) {
  heard_.rank = before();
  if (comm_.size() > 1) beating_ = std::thread([this] { guard([this] { beat(); }); });
  watching_ = std::thread([this] { guard([this] { watch(); }); });
}

Sentinel::~Sentinel() {
  guard([this] { stop(); });
}

void Sentinel::stop() {
  if (std::exchange(stopped_, true)) return;
  state_.wait("waiting for the other ranks to end");
  // All ranks are watched until all have come here: one that is still at work may be stopped yet.
  comm_.barrier(Purpose::heartbeat);
  {
    const std::scoped_lock lock(mutex_);
    ends_ = true;
  }
  ending_.notify_all();
  if (beating_.joinable()) beating_.join();
  watching_.join();
  let_sigterm_through();
}

void Sentinel::fail(const Error& error) {
  // What follows from another rank's end, or a disk's, is not the fault of what this one has in hand.
  const bool own_fault = scope_of(error.category()) == Scope::item_on_rank;
  end_all(on_rank(error, comm_.rank()).what(), exit_code(error.category()), own_fault);
}

void Sentinel::guard(const std::function<void()>& body) {
  if (const std::optional<Error> failure = failure_of(body)) fail(*failure);
}

/// The thread that sends never watches, and the one that watches never sends. So when a stopped rank's share
/// of memory or socket is full and a send to it does not come back, only the sender waits: the stopped rank
/// itself is missed by the rank after it, whose watch depends on no send of its own.
void Sentinel::beat() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    const std::vector<Order> orders = std::exchange(outgoing_, {});
    lock.unlock();
    const std::string text = heartbeat_text(state_.report());
    comm_.send(std::as_bytes(std::span(text)), after(), heartbeat_tag, Purpose::heartbeat);
    for (const Order& order : orders) {
      for (int rank = 0; rank < comm_.size(); ++rank) {
        if (rank != comm_.rank()) send_order(order, rank);
      }
    }
    lock.lock();
    ending_.wait_for(lock, limits_.beat, [this] { return ends_ || !outgoing_.empty(); });
  }
  lock.unlock();
  // The farewell: an empty message. Nothing follows it, so the communicator may go when it has arrived.
  comm_.send({}, after(), heartbeat_tag, Purpose::heartbeat);
}

void Sentinel::watch() {
  Clock::time_point last = hooks_.now();
  for (;;) {
    const Signal signal = signal_within_a_tick();
    const Clock::time_point now = hooks_.now();
    const bool was_stopped = now - last > shortest_stop;
    if (signal.number == SIGTERM) end_by_sigterm();
    // Open MPI's mpirun ends a job by SIGCONT, SIGTERM a second later, and SIGKILL at once after that. Who
    // gets SIGCONT from the process that started it, and was not stopped, uses that second.
    const bool from_launcher = signal.number == SIGCONT && signal.from == ::getppid();
    if (from_launcher && any_dead()) end_by_sigterm();
    if (from_launcher && !was_stopped) {
      warned_ = now;
      obey({.kind = Order::Kind::warned, .why = "SIGCONT at " + describe(state_.report())});
    }
    if (signal.number == SIGUSR2) {
      order({.kind = Order::Kind::finish, .why = "SIGUSR2 at " + describe(state_.report())});
    }
    receive_orders();
    state_.beat();
    if (hooks_.tick) hooks_.tick();
    const Clock::duration awake = std::min<Clock::duration>(now - last, longest_tick);
    last = now;
    if (!farewell_) listen(awake);
    check_progress(awake);
    const std::scoped_lock lock(mutex_);
    if (ends_ && farewell_) return;
  }
}

void Sentinel::order(const Order& order) {
  {
    const std::scoped_lock lock(mutex_);
    own_orders_.push_back(order);
    if (comm_.size() > 1) outgoing_.push_back(order);
  }
  ending_.notify_all();
}

void Sentinel::send_order(const Order& order, int to) const {
  const std::string text =
      json{{"kind", order.kind}, {"why", order.why}}.dump(-1, ' ', false, json::error_handler_t::replace);
  comm_.send(std::as_bytes(std::span(text)), to, order_tag, Purpose::heartbeat);
}

void Sentinel::receive_orders() {
  std::vector<Order> orders;
  {
    const std::scoped_lock lock(mutex_);
    orders = std::exchange(own_orders_, {});
  }
  while (const std::optional<Message> message = comm_.try_receive(-1, order_tag, Purpose::heartbeat)) {
    const auto* text = reinterpret_cast<const char*>(message->bytes.data());
    const json order = json::parse(text, text + message->bytes.size());
    orders.push_back(
        {.kind = order.at("kind").get<Order::Kind>(), .why = order.at("why").get<std::string>()});
  }
  for (const Order& order : orders) obey(order);
}

void Sentinel::obey(const Order& order) {
  const bool ends = order.kind == Order::Kind::now || order.kind == Order::Kind::lost;
  if (ends) state_.leave();
  const std::scoped_lock lock(obeying_);
  if (obeyed_.insert(order.kind).second && hooks_.obey) hooks_.obey(order);
}

void Sentinel::listen(Clock::duration awake) {
  silent_ += awake;
  while (const std::optional<Message> message =
             comm_.try_receive(before(), heartbeat_tag, Purpose::heartbeat)) {
    silent_ = Clock::duration{0};
    farewell_ = message->bytes.empty();
    if (farewell_) return;
    heard_ = report_from_heartbeat(before(), message->bytes);
  }
  if (silent_ >= limits_.silence) report_silence();
}

void Sentinel::check_progress(Clock::duration awake) {
  if (limits_.watchdog.count() == 0) return;
  const std::uint64_t progress = state_.version() + (hooks_.also_progress ? hooks_.also_progress() : 0);
  const bool changed = std::exchange(progress_, progress) != progress;
  unchanged_ = changed ? Clock::duration{0} : unchanged_ + awake;
  if (unchanged_ < limits_.watchdog) return;
  const RankReport self = state_.report();
  if (self.waits) return;
  end_all(describe(self) + " has made no progress for " + seconds(unchanged_) + " (--watchdog " +
              std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limits_.watchdog).count()) +
              "); " + last_words(self) + resumes,
          exit_lost);
}

void Sentinel::report_silence() {
  const RankReport self = state_.report();
  RankReport lost = heard_;
  std::string how = " has not answered for " + seconds(silent_);
  if (lost.machine == self.machine) {
    // Its file is newer than its last heartbeat.
    if (const auto filed = read_report(state_.folder(), lost.host, lost.rank)) lost = *filed;
    if (process_start(lost.pid) != lost.pid_start) {
      how = " is dead";
    } else if (process_is_stopped(lost.pid)) {
      how += ": its process is stopped";
    }
  }
  end_all(describe(lost) + how + "; " + last_words(lost) + resumes, exit_lost);
}

bool Sentinel::any_dead() const {
  const RankReport self = state_.report();
  const std::vector<RankReport> reports = read_reports(state_.folder(), self.host);
  return std::any_of(reports.begin(), reports.end(),
                     [&self](const RankReport& report) { return has_died(report, self); });
}

void Sentinel::end_by_sigterm() {
  // First of all: ranks that look a moment later find this process gone, and must not take it for dead.
  state_.leave();
  // What other threads meet from now on follows from what ends the job.
  ending_all_ = true;
  const RankReport self = state_.report();
  const bool warned = warned_ && hooks_.now() - *warned_ < warning_holds;
  const std::string dead = warned ? "" : dead_ranks(self);
  if (dead.empty()) {
    order({.kind = Order::Kind::now, .why = "SIGTERM at " + describe(self)});
    receive_orders();
    std::this_thread::sleep_for(rank_0_ends_all);
  } else {
    tell_rank_0({.kind = Order::Kind::lost, .why = dead});
  }
  std::signal(SIGTERM, SIG_DFL);
  let_sigterm_through();
  std::raise(SIGTERM);
  std::abort();
}

std::string Sentinel::dead_ranks(const RankReport& self) const {
  std::string dead;
  int lowest = self.rank;
  for (const RankReport& report : read_reports(state_.folder(), self.host)) {
    if (has_died(report, self)) {
      note_death(state_.folder(), report);
      dead += (dead.empty() ? "" : "\nditmill: ") + describe(report) + " is dead; " + last_words(report) +
              resumes;
    } else {
      lowest = std::min(lowest, report.rank);
    }
  }
  if (!dead.empty() && lowest == self.rank) say(dead);
  return dead;
}

void Sentinel::end_all(const std::string& line, int code, bool own_fault) {
  // The first reason counts; what other threads meet meanwhile follows from it.
  while (ending_all_.exchange(true)) std::this_thread::sleep_for(longest_tick);
  if (own_fault) state_.die_of(0);
  state_.leave();
  say(line);
  tell_rank_0({.kind = Order::Kind::lost, .why = line});
  MpiSession::abort(code);
}

void Sentinel::tell_rank_0(const Order& order) {
  // On a thread of its own, because rank 0 may be the one that does not answer.
  if (comm_.rank() != 0) std::thread([this, order] { send_order(order, 0); }).detach();
  obey(order);
  if (comm_.rank() != 0) std::this_thread::sleep_for(last_message);
}

}  // namespace ditmill::dist
