#pragma once

#include <functional>

#include "configs/error.h"
#include "dist/comm/communicator.h"

namespace ditmill::dist {

/// Runs `local` on every rank, then agrees: if it threw anywhere, every rank throws the error of the lowest
/// rank that failed (with that rank in its Where, equal messages of several ranks said once). Collective; what
/// `local` calls must not be collective on `comm`.
void agree(const Communicator& comm, const std::function<void()>& local);

/// Error to text and back, so that it can travel whole.
std::string to_text(const Error& error);
Error error_from_text(const std::string& text);

}  // namespace ditmill::dist
