#include "models/kernels/operators.h"

#include <ATen/ATen.h>

#include "configs/error.h"
#include "models/kernels/fast.h"

namespace ditmill::models::kernels {
namespace {

at::Tensor by_head(const at::Tensor& x) { return x.transpose(1, 2); }

}  // namespace

void require(Numerics numerics, const at::Device& device) {
  if (numerics == Numerics::reference || !device.is_cpu() || !fast::level_name().empty()) return;
  throw Error{Category::unsupported,
              "compute with fast numerics",
              Where{.key = "pipeline.numerics"},
              Expected{"a CPU with AVX2 and FMA"},
              Got{"one without"},
              "numerics: reference runs on any"};
}

bool is_fast(Numerics numerics, const at::Tensor& x) { return numerics == Numerics::fast && fast::takes(x); }

at::Tensor linear(Numerics numerics, const at::Tensor& x, const at::Tensor& weight,
                  const std::optional<at::Tensor>& bias) {
  return is_fast(numerics, x) ? fast::linear(x, weight, bias) : at::linear(x, weight, bias);
}

at::Tensor linear_gelu(Numerics numerics, const at::Tensor& x, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias) {
  if (is_fast(numerics, x)) return fast::linear(x, weight, bias, /*gelu=*/true);
  at::Tensor y = at::linear(x, weight, bias);
  return at::gelu_(y, "tanh");
}

at::Tensor modulated_norm(Numerics numerics, const at::Tensor& x, const at::Tensor& scale,
                          const at::Tensor& shift, double eps) {
  if (is_fast(numerics, x)) return fast::norm(x, 1 + scale, shift, eps);
  at::Tensor y = at::layer_norm(x.to(at::kFloat), {x.size(-1)}, {}, {}, eps);
  return y.mul_(1 + scale).add_(shift).to(x.scalar_type());
}

at::Tensor weighted_norm(Numerics numerics, const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& bias, double eps) {
  if (is_fast(numerics, x)) return fast::norm(x, weight, bias, eps);
  return at::layer_norm(x.to(at::kFloat), {x.size(-1)}, weight, bias, eps).to(x.scalar_type());
}

at::Tensor gated_sum(Numerics numerics, const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) {
  if (is_fast(numerics, x)) return fast::gated_sum(x, y, gate);
  return (x.to(at::kFloat) + y.to(at::kFloat) * gate).to(x.scalar_type());
}

at::Tensor attention(Numerics numerics, const at::Tensor& query, const at::Tensor& key,
                     const at::Tensor& value) {
  if (is_fast(numerics, query)) return fast::attention(query, key, value).output;
  return by_head(at::scaled_dot_product_attention(by_head(query), by_head(key), by_head(value)));
}

PartialAttention attend_partly(Numerics numerics, const at::Tensor& query, const at::Tensor& key,
                               const at::Tensor& value) {
  if (!is_fast(numerics, query)) return attend_partly(by_head(query), by_head(key), by_head(value));
  PartialAttention partial = fast::attention(query, key, value);
  partial.output = by_head(partial.output);
  return partial;
}

}  // namespace ditmill::models::kernels
