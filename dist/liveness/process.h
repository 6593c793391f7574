#pragma once

#include <string>

namespace ditmill::dist {

/// A process, told from others that had its number before or have it elsewhere. Empty or 0: not known.
struct Process {
  std::string host;
  std::string boot_id;        ///< /proc/sys/kernel/random/boot_id
  std::string pid_namespace;  ///< /proc/self/ns/pid: the same pid means another process in another container
  int pid = 0;
  unsigned long long start = 0;  ///< clock ticks since boot (/proc/PID/stat, field 22): pids are used again
};

/// This process. Throws nothing: what cannot be found out stays empty.
Process this_process();
/// The process's start time; 0 if there is no such process, or only its zombie.
unsigned long long process_start(int pid);
/// Whether a signal (SIGSTOP) or a debugger holds the process up.
bool process_is_stopped(int pid);

}  // namespace ditmill::dist
