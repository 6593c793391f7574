#pragma once

#include <string>

#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// MPI from first to last call: initialised with MPI_THREAD_MULTIPLE and MPI_ERRORS_RETURN, finalised in the
/// destructor. One a process, owned by main.
class MpiSession {
 public:
  MpiSession(int& argc, char**& argv);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

  /// All ranks, in a communicator of its own (a duplicate of MPI_COMM_WORLD).
  Communicator world() const;
  /// Ranks of this job on this machine.
  int local_size() const;
  /// Ends all ranks at once, for errors that cannot be agreed on.
  [[noreturn]] static void abort(int code);
  /// The library's own version line.
  static std::string library_version();
};

}  // namespace ditmill::dist
