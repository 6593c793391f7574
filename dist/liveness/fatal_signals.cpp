#include "dist/liveness/fatal_signals.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <cstring>

#include "dist/liveness/mapped_file.h"

namespace ditmill::dist {
namespace {

constexpr std::array<int, 5> fatal{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// A handler is given nothing but the signal's number.
std::atomic<RankState*> noted_in = nullptr;
std::array<struct sigaction, fatal.size()> before{};
static_assert(std::atomic<RankState*>::is_always_lock_free);

std::array<char, 4096> path{};  // a handler's stack is small
static_assert(path.size() >= PATH_MAX);

void say(const char* words) {
  if (::write(STDERR_FILENO, words, std::strlen(words)) < 0) return;  // there is nobody else to be told
}

/// Memory of a file that is mapped is gone.
void name_file(const siginfo_t& met) {
  if (met.si_code != BUS_ADRERR || !mapped_file(met.si_addr, path)) return;
  say("SIGBUS: bytes of a mapped file are gone (");
  say(path.data());
  say("): it was cut while the job ran, or its disk failed; give it back whole and run the job again: it "
      "resumes\n");
}

/// Puts back what was there before (MPI prints a stack there, or the default dumps core) and lets it have the
/// signal: raised here, it is delivered when this handler returns.
void note(int signal, siginfo_t* met, void* /*context*/) {
  if (RankState* state = noted_in.exchange(nullptr)) {
    state->die_of(signal);
    if (signal == SIGBUS) name_file(*met);
  }
  for (std::size_t i = 0; i < fatal.size(); ++i) {
    if (fatal[i] == signal) ::sigaction(signal, &before[i], nullptr);
  }
  ::raise(signal);
}

}  // namespace

FatalSignals::FatalSignals(RankState& state) {
  noted_in = &state;
  struct sigaction action {};
  action.sa_sigaction = note;
  action.sa_flags = SA_ONSTACK | SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < fatal.size(); ++i) ::sigaction(fatal[i], &action, &before[i]);
}

FatalSignals::~FatalSignals() {
  noted_in = nullptr;
  for (std::size_t i = 0; i < fatal.size(); ++i) ::sigaction(fatal[i], &before[i], nullptr);
}

}  // namespace ditmill::dist
