#include "registry/formats/torch/pickle_globals.h"

#include <array>

namespace ditmill::registry {
namespace {

struct Row {
  std::string_view module;
  std::string_view name;
  PickleGlobal global;
};

constexpr Row storage(std::string_view module, std::string_view name, ElementType type) {
  return {module, name, {GlobalKind::storage_type, type}};
}
constexpr Row dtype(std::string_view name, ElementType type) {
  return {"torch", name, {GlobalKind::dtype, type}};
}

constexpr std::array rows{
    Row{"collections", "OrderedDict", {GlobalKind::ordered_dict}},
    Row{"torch", "Size", {GlobalKind::size}},
    Row{"torch", "device", {GlobalKind::device}},
    Row{"torch._utils", "_rebuild_tensor", {GlobalKind::rebuild_tensor}},
    Row{"torch._utils", "_rebuild_tensor_v2", {GlobalKind::rebuild_tensor_v2}},
    Row{"torch._utils", "_rebuild_tensor_v3", {GlobalKind::rebuild_tensor_v3}},
    Row{"torch._utils", "_rebuild_parameter", {GlobalKind::rebuild_parameter}},
    Row{"torch._utils", "_rebuild_parameter_with_state", {GlobalKind::rebuild_parameter_with_state}},
    storage("torch", "BoolStorage", ElementType::boolean),
    storage("torch", "ByteStorage", ElementType::u8),
    storage("torch", "CharStorage", ElementType::i8),
    storage("torch", "ShortStorage", ElementType::i16),
    storage("torch", "IntStorage", ElementType::i32),
    storage("torch", "LongStorage", ElementType::i64),
    storage("torch", "HalfStorage", ElementType::f16),
    storage("torch", "BFloat16Storage", ElementType::bf16),
    storage("torch", "FloatStorage", ElementType::f32),
    storage("torch", "DoubleStorage", ElementType::f64),
    storage("torch", "ComplexFloatStorage", ElementType::c64),
    // An untyped storage counts bytes.
    storage("torch.storage", "UntypedStorage", ElementType::u8),
    storage("torch", "UntypedStorage", ElementType::u8),
    dtype("bool", ElementType::boolean),
    dtype("uint8", ElementType::u8),
    dtype("int8", ElementType::i8),
    dtype("uint16", ElementType::u16),
    dtype("int16", ElementType::i16),
    dtype("uint32", ElementType::u32),
    dtype("int32", ElementType::i32),
    dtype("uint64", ElementType::u64),
    dtype("int64", ElementType::i64),
    dtype("float8_e5m2", ElementType::f8_e5m2),
    dtype("float8_e4m3fn", ElementType::f8_e4m3),
    dtype("float8_e8m0fnu", ElementType::f8_e8m0),
    dtype("float8_e5m2fnuz", ElementType::f8_e5m2fnuz),
    dtype("float8_e4m3fnuz", ElementType::f8_e4m3fnuz),
    dtype("float16", ElementType::f16),
    dtype("bfloat16", ElementType::bf16),
    dtype("float32", ElementType::f32),
    dtype("float64", ElementType::f64),
    dtype("complex64", ElementType::c64),
};

}  // namespace

std::optional<PickleGlobal> pickle_global(std::string_view module, std::string_view name) noexcept {
  for (const Row& row : rows) {
    if (row.module == module && row.name == name) return row.global;
  }
  return std::nullopt;
}

std::string_view storage_class(ElementType type) noexcept {
  for (const Row& row : rows) {
    if (row.global == PickleGlobal{GlobalKind::storage_type, type}) return row.name;
  }
  return {};
}

}  // namespace ditmill::registry
