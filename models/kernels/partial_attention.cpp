#include "models/kernels/partial_attention.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ditmill::models::kernels {
namespace {

/// What the CUDA kernels load at once.
constexpr std::int64_t cuda_width_step = 8;

at::Tensor pad_width(const at::Tensor& x) {
  const std::int64_t over = x.size(-1) % cuda_width_step;
  return over == 0 ? x : at::constant_pad_nd(x, {0, cuda_width_step - over});
}

PartialAttention attend_on_cuda(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  const std::int64_t width = query.size(-1);
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const at::Tensor q = pad_width(query), k = pad_width(key), v = pad_width(value);
  PartialAttention partial;
  if (query.scalar_type() == at::kFloat) {
    const auto out =
        at::_scaled_dot_product_efficient_attention(q, k, v, {}, /*compute_log_sumexp=*/true,
                                                    /*dropout_p=*/0.0, /*is_causal=*/false, scale);
    partial = {std::get<0>(out), std::get<1>(out)};
  } else {
    const auto out = at::_scaled_dot_product_flash_attention(q, k, v, /*dropout_p=*/0.0, /*is_causal=*/false,
                                                             /*return_debug_mask=*/false, scale);
    partial = {std::get<0>(out), std::get<1>(out)};
  }
  // Kernels round the number of queries up where they keep sums.
  return {partial.output.narrow(-1, 0, width), partial.lse.narrow(2, 0, query.size(2))};
}

}  // namespace

PartialAttention attend_partly(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  if (query.is_cuda()) return attend_on_cuda(query, key, value);
  const auto [output, lse] = at::_scaled_dot_product_flash_attention_for_cpu(query, key, value);
  return {output, lse};
}

PartialAttention merge(const PartialAttention& a, const PartialAttention& b) {
  const at::Tensor lse = at::logaddexp(a.lse, b.lse);
  const auto weigh = [&](const PartialAttention& part) {
    return part.output.to(at::kFloat) * at::exp(part.lse - lse).unsqueeze(-1);
  };
  return {weigh(a).add_(weigh(b)), lse};
}

}  // namespace ditmill::models::kernels
