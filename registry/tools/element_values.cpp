#include "registry/tools/element_values.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace ditmill::registry {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian, and are copied");

/// Which codes of a narrow float are no numbers.
enum class Specials {
  ieee,  ///< the largest exponent: infinities and NaNs
  fn,    ///< all ones without the sign: NaN; there are no infinities
  fnuz,  ///< minus zero: NaN; there are no infinities
};

/// A float of at most 16 bits: sign, exponent, mantissa.
template <int exponent_bits, int mantissa_bits, int bias, Specials specials>
double narrow_float(std::uint32_t code) noexcept {
  constexpr std::uint32_t exponents = (1U << exponent_bits) - 1;
  constexpr std::uint32_t mantissas = (1U << mantissa_bits) - 1;
  const std::uint32_t exponent = (code >> mantissa_bits) & exponents;
  const std::uint64_t mantissa = code & mantissas;
  const bool minus = (code >> (exponent_bits + mantissa_bits)) != 0;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  double size = 0;
  if (specials == Specials::fnuz && minus && exponent == 0 && mantissa == 0) return nan;
  if (specials == Specials::fn && exponent == exponents && mantissa == mantissas) return nan;
  if (specials == Specials::ieee && exponent == exponents) {
    size = mantissa == 0 ? std::numeric_limits<double>::infinity() : nan;
  } else if (exponent == 0) {
    size = std::ldexp(static_cast<double>(mantissa), 1 - bias - mantissa_bits);
  } else {
    size = std::bit_cast<double>((std::uint64_t{exponent} + 1023 - bias) << 52 | mantissa
                                                                                     << (52 - mantissa_bits));
  }
  return minus ? -size : size;
}

/// OCP MX: a power of two without a sign; all ones is NaN.
double power_of_two(std::uint32_t code) noexcept {
  return code == 255 ? std::numeric_limits<double>::quiet_NaN()
                     : std::ldexp(1.0, static_cast<int>(code) - 127);
}

template <typename Stored, typename Number, typename Decode>
void decode_each(std::span<const std::byte> bytes, std::span<Number> out, const Decode& decode) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    out[i] = static_cast<Number>(decode(stored));
  }
}

template <typename Stored, typename Number>
void decode_plain(std::span<const std::byte> bytes, std::span<Number> out) {
  decode_each<Stored>(bytes, out, [](Stored stored) { return stored; });
}

template <typename Number>
void decode(ElementType type, std::span<const std::byte> bytes, std::span<Number> out) {
  using enum ElementType;
  switch (type) {
    case boolean:
      return decode_each<std::uint8_t>(bytes, out, [](std::uint8_t stored) { return stored != 0 ? 1 : 0; });
    case u8:
      return decode_plain<std::uint8_t>(bytes, out);
    case i8:
      return decode_plain<std::int8_t>(bytes, out);
    case i16:
      return decode_plain<std::int16_t>(bytes, out);
    case u16:
      return decode_plain<std::uint16_t>(bytes, out);
    case i32:
      return decode_plain<std::int32_t>(bytes, out);
    case u32:
      return decode_plain<std::uint32_t>(bytes, out);
    case i64:
      return decode_plain<std::int64_t>(bytes, out);
    case u64:
      return decode_plain<std::uint64_t>(bytes, out);
    case f32:
    case c64:
      return decode_plain<float>(bytes, out);
    case f64:
      return decode_plain<double>(bytes, out);
    case f16:
      return decode_each<std::uint16_t>(bytes, out, narrow_float<5, 10, 15, Specials::ieee>);
    case bf16:
      return decode_each<std::uint16_t>(bytes, out, narrow_float<8, 7, 127, Specials::ieee>);
    case f8_e5m2:
      return decode_each<std::uint8_t>(bytes, out, narrow_float<5, 2, 15, Specials::ieee>);
    case f8_e4m3:
      return decode_each<std::uint8_t>(bytes, out, narrow_float<4, 3, 7, Specials::fn>);
    case f8_e5m2fnuz:
      return decode_each<std::uint8_t>(bytes, out, narrow_float<5, 2, 16, Specials::fnuz>);
    case f8_e4m3fnuz:
      return decode_each<std::uint8_t>(bytes, out, narrow_float<4, 3, 8, Specials::fnuz>);
    case f8_e8m0:
      return decode_each<std::uint8_t>(bytes, out, power_of_two);
    case f4:
    case f6_e2m3:
    case f6_e3m2:
      return;
  }
}

}  // namespace

int values_in(ElementType type) noexcept { return bits(type) < 8 ? 0 : type == ElementType::c64 ? 2 : 1; }

void decode_values(ElementType type, std::span<const std::byte> bytes, std::span<double> out) {
  decode(type, bytes, out);
}

void decode_values(ElementType type, std::span<const std::byte> bytes, std::span<long double> out) {
  decode(type, bytes, out);
}

}  // namespace ditmill::registry
