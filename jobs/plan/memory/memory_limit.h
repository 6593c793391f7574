#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ditmill::jobs::plan {

/// One thing that bounds the memory of this process and of others: its machine, or a cgroup that it is in.
struct MemoryBound {
  std::string id;      ///< equal for all processes of a machine that share the bound, and for no others
  std::string source;  ///< for messages: "MemAvailable of /proc/meminfo", or the path of a cgroup's limit
  std::uint64_t available = 0;  ///< bytes that all who share it can still take, file caches given up

  bool operator==(const MemoryBound&) const = default;
};

/// What bounds this process: MemAvailable, and every limit from its cgroup up to the root, of cgroup v2
/// (memory.max) or v1 (memory.limit_in_bytes), wherever they are mounted. What the kernel does not tell is no
/// bound: nothing is thrown. `root` is put before all paths that are opened; tests give a folder.
std::vector<MemoryBound> memory_bounds(const std::string& root = {});

/// Bytes that this machine's /dev/shm still takes; 0 where there is none.
std::uint64_t shared_memory_room();

/// Memory of this process (/proc/self/status), in bytes; 0 where the kernel does not tell.
struct ProcessMemory {
  std::uint64_t resident = 0;
  std::uint64_t peak = 0;  ///< the most that was ever resident
};
ProcessMemory process_memory(const std::string& root = {});

/// Equal for the processes of one machine: its boot id, and its name, for copies of a virtual machine may
/// have been booted together.
std::string machine_id(const std::string& root = {});
std::string machine_name();

}  // namespace ditmill::jobs::plan
