#include "registry/tensor_info.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace ditmill::registry {
namespace {

struct Row {
  ElementType type;
  std::string_view name;
  int bits;
};

constexpr std::array<Row, 22> rows{{
    {ElementType::boolean, "BOOL", 8},
    {ElementType::u8, "U8", 8},
    {ElementType::i8, "I8", 8},
    {ElementType::f8_e5m2, "F8_E5M2", 8},
    {ElementType::f8_e4m3, "F8_E4M3", 8},
    {ElementType::f8_e8m0, "F8_E8M0", 8},
    {ElementType::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
    {ElementType::f8_e5m2fnuz, "F8_E5M2FNUZ", 8},
    {ElementType::i16, "I16", 16},
    {ElementType::u16, "U16", 16},
    {ElementType::f16, "F16", 16},
    {ElementType::bf16, "BF16", 16},
    {ElementType::i32, "I32", 32},
    {ElementType::u32, "U32", 32},
    {ElementType::f32, "F32", 32},
    {ElementType::c64, "C64", 64},
    {ElementType::f64, "F64", 64},
    {ElementType::i64, "I64", 64},
    {ElementType::u64, "U64", 64},
    {ElementType::f4, "F4", 4},
    {ElementType::f6_e2m3, "F6_E2M3", 6},
    {ElementType::f6_e3m2, "F6_E3M2", 6},
}};

// Indexing by the enumerator needs the rows in its order.
constexpr bool in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (static_cast<std::size_t>(rows[i].type) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::string_view name(ElementType type) noexcept { return rows[static_cast<std::size_t>(type)].name; }

int bits(ElementType type) noexcept { return rows[static_cast<std::size_t>(type)].bits; }

std::optional<ElementType> element_type_named(std::string_view name) noexcept {
  for (const Row& row : rows) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::uint64_t TensorInfo::elements() const noexcept {
  std::uint64_t product = 1;
  for (const std::uint64_t size : shape) product *= size;
  return product;
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  constexpr std::size_t most = 8;
  return fmt::format("[{}{}]", fmt::join(shape.first(std::min(shape.size(), most)), ", "),
                     shape.size() > most ? ", ..." : "");
}

}  // namespace ditmill::registry
