#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ditmill::jobs::results {

/// The checksum that HDF5's filter of that name stores behind a chunk (H5_checksum_fletcher32 of
/// H5checksum.c), at the speed of memory: HDF5's own takes two bytes at a time.
std::uint32_t fletcher32(std::span<const std::byte> bytes) noexcept;

}  // namespace ditmill::jobs::results
