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

struct RefusedRow {
  std::string_view module;
  std::string_view name;
  RefusedGlobal refused;
};

constexpr RefusedGlobal quantized{"of a quantized tensor", "save tensor.dequantize() in its place"};
constexpr RefusedGlobal sparse{"of a sparse tensor", "save tensor.to_dense() in its place"};
constexpr RefusedGlobal complex_halves{"complex numbers of two halves",
                                       "save tensor.to(torch.complex64) in its place"};
constexpr RefusedGlobal complex_doubles{"complex numbers of two doubles",
                                        "save tensor.to(torch.complex64) in its place"};
constexpr RefusedGlobal raw_bits{"elements that torch computes nothing with",
                                 "save tensor.view(torch.uint8) in its place"};
constexpr RefusedGlobal own_class{
    "of a tensor that has a class or attributes of its own, such as torch.nn.Buffer",
    "save tensor.detach().as_subclass(torch.Tensor) in its place"};
constexpr RefusedGlobal no_values{"of a parameter without values",
                                  "load or compute the values before saving"};
constexpr RefusedGlobal numpy{"of NumPy",
                              "save torch.from_numpy(array) in place of arrays, and float(x) of numbers"};

// What torch.save writes of tensors, and ditmill does not read.
constexpr std::array refused_rows{
    RefusedRow{"torch", "QInt8Storage", quantized},
    RefusedRow{"torch", "QUInt8Storage", quantized},
    RefusedRow{"torch", "QInt32Storage", quantized},
    RefusedRow{"torch", "QUInt4x2Storage", quantized},
    RefusedRow{"torch", "QUInt2x4Storage", quantized},
    RefusedRow{"torch._utils", "_rebuild_qtensor", quantized},
    RefusedRow{"torch._utils", "_rebuild_sparse_tensor", sparse},
    RefusedRow{"torch._utils", "_rebuild_sparse_csr_tensor", sparse},
    RefusedRow{"torch._utils",
               "_rebuild_nested_tensor",
               {"of a nested tensor", "save its parts, tensor.unbind(), by names"}},
    RefusedRow{"torch._utils", "_rebuild_meta_tensor_no_storage", no_values},
    RefusedRow{"torch.nn.parameter", "UninitializedParameter", no_values},
    RefusedRow{"torch.nn.parameter", "UninitializedBuffer", no_values},
    RefusedRow{"torch._tensor", "_rebuild_from_type_v2", own_class},
    RefusedRow{"torch._tensor", "_rebuild_from_type", own_class},
    RefusedRow{"torch._utils", "_rebuild_wrapper_subclass", own_class},
    RefusedRow{"torch", "complex32", complex_halves},
    RefusedRow{"torch", "ComplexDoubleStorage", complex_doubles},
    RefusedRow{"torch", "complex128", complex_doubles},
    RefusedRow{"torch", "bits8", raw_bits},
    RefusedRow{"torch", "bits16", raw_bits},
    RefusedRow{"torch", "bits1x8", raw_bits},
    RefusedRow{"torch", "bits2x4", raw_bits},
    RefusedRow{"torch", "bits4x2", raw_bits},
    RefusedRow{"torch", "float4_e2m1fn_x2", raw_bits},
    RefusedRow{"numpy._core.multiarray", "_reconstruct", numpy},
    RefusedRow{"numpy._core.multiarray", "scalar", numpy},
    RefusedRow{"numpy.core.multiarray", "_reconstruct", numpy},
    RefusedRow{"numpy.core.multiarray", "scalar", numpy},
};

}  // namespace

std::optional<PickleGlobal> pickle_global(std::string_view module, std::string_view name) noexcept {
  for (const Row& row : rows) {
    if (row.module == module && row.name == name) return row.global;
  }
  return std::nullopt;
}

std::optional<RefusedGlobal> refused_global(std::string_view module, std::string_view name) noexcept {
  for (const RefusedRow& row : refused_rows) {
    if (row.module == module && row.name == name) return row.refused;
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
