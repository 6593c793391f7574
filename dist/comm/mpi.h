#pragma once

#include <cstddef>
#include <string>

#include "dist/comm/chunks.h"
#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// MPI from first to last call: initialised with MPI_THREAD_MULTIPLE and MPI_ERRORS_RETURN, finalised in the
/// destructor. One a process, owned by main.
class MpiSession {
 public:
  /// Collective. Throws Error(communication) if MPI offers less than MPI_THREAD_MULTIPLE.
  MpiSession(int& argc, char**& argv);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

  /// All ranks, in a communicator of its own (a duplicate of MPI_COMM_WORLD). Collective. It must go before
  /// the session does. Calls are split at `most_bytes`, on every rank alike; tests give small ones.
  Communicator world(std::size_t most_bytes = most_bytes_a_call) const;
  /// Ranks of this job on this machine.
  int local_size() const noexcept { return local_size_; }
  /// Ends all ranks at once, for errors that cannot be agreed on.
  [[noreturn]] static void abort(int code);
  /// The library's own version line.
  static std::string library_version();

 private:
  int local_size_ = 1;
};

}  // namespace ditmill::dist
