#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "configs/error.h"
#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// What agree() throws: every rank of the communicator throws it, so none waits for another. Any other
/// exception is one rank's alone, for which the others may be waiting.
class AgreedError : public Error {
 public:
  explicit AgreedError(Error error) : Error(std::move(error)) {}
};

/// Runs `local` on every rank, then agrees: if it threw anywhere, every rank throws the error of the lowest
/// rank that failed (with that rank in its Where, unless it is the only one; equal messages of several ranks
/// said once, other messages in the hint). What is no Error becomes one: memory for std::bad_alloc, else
/// internal. Collective; what `local` calls must not be collective on `comm`.
void agree(const Communicator& comm, const std::function<void()>& local);
/// As agree(), for a failure that this rank met earlier, or none. Collective.
void agree_on(const Communicator& comm, const std::optional<Error>& failure);
/// What agree() makes of an exception; nothing if `local` returns.
std::optional<Error> failure_of(const std::function<void()>& local);

/// The error with the rank that met it, unless it names one or is about what the user wrote.
Error on_rank(const Error& error, int rank);

/// Error to bytes and back, so that it can travel whole; bytes that it did not write become Error(internal).
std::string to_text(const Error& error);
Error error_from_text(const std::string& text);

}  // namespace ditmill::dist
