#pragma once

#include <string_view>

#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// What became of an item of a run.
enum class ItemOutcome { done, failed, quarantined, left };
std::string_view name(ItemOutcome outcome) noexcept;
/// By the event that decided: an item that was only begun, or stopped, is left to do.
ItemOutcome outcome_of(Event event) noexcept;

}  // namespace ditmill::jobs::results
