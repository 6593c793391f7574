#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "configs/pipeline_config.h"
#include "models/kernels/partial_attention.h"

/// The layers' operators in either numerics: `reference` is LibTorch's operators in diffusers' order, `fast`
/// what kernels/fast.h has, where it takes the tensors. Shapes are as stated there.
namespace ditmill::models::kernels {

using configs::Numerics;

/// Throws Error(unsupported) where this machine's CPU, that layers would compute on, has no kernels for
/// `fast`.
void require(Numerics numerics, const at::Device& device);

/// Whether operators of such tensors are those of kernels/fast.h.
bool is_fast(Numerics numerics, const at::Tensor& x);

at::Tensor linear(Numerics numerics, const at::Tensor& x, const at::Tensor& weight,
                  const std::optional<at::Tensor>& bias);
/// Its GELU by tanh.
at::Tensor linear_gelu(Numerics numerics, const at::Tensor& x, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias);

/// LayerNorm without weights over the last dimension, then * (1 + scale) + shift: computed in float32, stored
/// in x's dtype. x [batch, tokens, dim]; scale, shift [batch, 1, dim].
at::Tensor modulated_norm(Numerics numerics, const at::Tensor& x, const at::Tensor& scale,
                          const at::Tensor& shift, double eps);
/// LayerNorm with weights [dim], computed in float32, stored in x's dtype.
at::Tensor weighted_norm(Numerics numerics, const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& bias, double eps);

/// x + y * gate, computed in float32, stored in x's dtype. gate [batch, 1, dim].
at::Tensor gated_sum(Numerics numerics, const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate);

/// softmax(query key^T / sqrt(width)) value; all [batch, tokens, heads, width].
at::Tensor attention(Numerics numerics, const at::Tensor& query, const at::Tensor& key,
                     const at::Tensor& value);
/// The same of some of the keys, `output` [batch, heads, tokens, width].
PartialAttention attend_partly(Numerics numerics, const at::Tensor& query, const at::Tensor& key,
                               const at::Tensor& value);

}  // namespace ditmill::models::kernels
