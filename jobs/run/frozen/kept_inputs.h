#pragma once

#include <cstdint>
#include <optional>

#include "configs/field.h"
#include "jobs/requests/items/item_list.h"
#include "jobs/results/files/run_directory.h"

namespace ditmill::jobs::run {

/// Files of fewer bytes are kept unless it is said otherwise.
inline constexpr std::uint64_t small_input = std::uint64_t{1} << 20;

/// Copies the files that items name into the run directory, each once, by its digest: all, none, or (nothing
/// said) the small ones. One that is gone or has other bytes by now is left to the item that needs it. Throws
/// Error: io, no_space.
void keep_inputs(const results::RunDirectory& run, const requests::ItemList& items,
                 const std::optional<bool>& all);

/// Where the bytes of files are: what is gone from its path is that which a run directory has kept of it.
configs::FieldValues with_kept_inputs(const results::RunDirectory& run, configs::FieldValues fields);

}  // namespace ditmill::jobs::run
