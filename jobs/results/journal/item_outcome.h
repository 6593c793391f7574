#pragma once

#include <cstddef>
#include <string_view>

#include "jobs/results/journal/record.h"

namespace ditmill::jobs::results {

/// What became of an item of a run.
enum class ItemOutcome { done, failed, quarantined, left };
std::string_view name(ItemOutcome outcome) noexcept;
/// By the event that decided: an item that was only begun, was stopped or killed its rank is left to do.
ItemOutcome outcome_of(Event event) noexcept;

/// Items by what became of them.
struct OutcomeCounts {
  std::size_t done = 0;
  std::size_t failed = 0;
  std::size_t quarantined = 0;
  std::size_t left = 0;

  std::size_t& of(ItemOutcome outcome) noexcept;
  std::size_t of(ItemOutcome outcome) const noexcept { return OutcomeCounts{*this}.of(outcome); }
  std::size_t given_up() const noexcept { return failed + quarantined; }
  std::size_t total() const noexcept { return done + given_up() + left; }

  bool operator==(const OutcomeCounts&) const = default;
};

}  // namespace ditmill::jobs::results
