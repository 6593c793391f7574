#pragma once

#include <cstddef>
#include <span>

#include "registry/tensor_info.h"

namespace ditmill::registry {

/// How many values an element of a type has: 2 of complex numbers (their parts), 0 of types narrower than a
/// byte, whose values are not decoded.
int values_in(ElementType type) noexcept;

/// Decodes elements that lie one after another to `out`, values_in(type) of each, exactly: 64-bit integers
/// need a long double. `bytes` has as many elements as `out` values. Precondition: values_in(type) > 0.
void decode_values(ElementType type, std::span<const std::byte> bytes, std::span<double> out);
void decode_values(ElementType type, std::span<const std::byte> bytes, std::span<long double> out);

}  // namespace ditmill::registry
