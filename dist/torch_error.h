#pragma once

#include <string_view>

namespace ditmill::dist {

/// Whether what an error of LibTorch says is that memory ran out: its allocators have no exception type of
/// their own.
bool is_out_of_memory(std::string_view words) noexcept;

}  // namespace ditmill::dist
