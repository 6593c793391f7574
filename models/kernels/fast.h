#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "models/kernels/partial_attention.h"

/// The layers' operators of numerics: fast, on CPUs: what an operator makes of a row is read and written once
/// and rounded once. Products are added in float32, in an order that the CPU's kind and the depth alone
/// decide: a token's bits depend on neither threads nor the tokens beside it. Tensors are float32 or
/// bfloat16, alike.
namespace ditmill::models::kernels::fast {

/// Whether there are kernels for such tensors on this machine.
bool takes(const at::Tensor& x);
/// By what this machine's products are made, such as "avx2"; empty: it has no kernels.
std::string_view level_name();

/// x [..., in] times weight [out, in], transposed, plus bias [out]; its GELU by tanh.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                  bool gelu = false);

/// LayerNorm over the last dimension, then * scale + shift. x [batch, tokens, dim]; scale, shift [batch or 1,
/// 1, dim] or [dim], float32.
at::Tensor norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double eps);

/// The sums of squares of x [batch, tokens, dim] over the last dimension: [batch, tokens, 1] float32.
at::Tensor sums_of_squares(const at::Tensor& x);
/// x [batch, tokens, heads * width] * factors [batch, tokens, 1] * weight [heads * width], as heads, whose
/// neighbouring pairs are turned: [batch, tokens, heads, width]. cos, sin [1, tokens, 1, width / 2] float32;
/// undefined: they are not.
at::Tensor scaled_and_turned(const at::Tensor& x, const at::Tensor& factors, const at::Tensor& weight,
                             std::int64_t heads, const at::Tensor& cos, const at::Tensor& sin);

/// x + y * gate. x, y [batch, tokens, dim]; gate [batch or 1, 1, dim] float32.
at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate);

/// Attention as attend_partly() has it, but of and to [batch, tokens, heads, width].
PartialAttention attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);

}  // namespace ditmill::models::kernels::fast
