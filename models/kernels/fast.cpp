#include "models/kernels/fast.h"

#include <ATen/ATen.h>

#include "models/kernels/cpu/attend.h"
#include "models/kernels/cpu/multiply.h"
#include "models/kernels/cpu/products.h"
#include "models/kernels/cpu/share_out.h"

namespace ditmill::models::kernels::fast {
namespace {

const cpu::Level* level_here() {
  static const std::vector<const cpu::Level*> levels = cpu::levels_here();
  return levels.empty() ? nullptr : levels.front();
}

constexpr std::int64_t rows_a_task = 16;

template <typename Number>
const Number* numbers_of(const at::Tensor& x) {
  return static_cast<const Number*>(x.const_data_ptr());
}

/// Calls body.operator()<Number>() with the type that tensors of this one keep their numbers in.
template <typename Body>
void by_type(const at::Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kFloat) {
    body.template operator()<float>();
  } else {
    body.template operator()<std::uint16_t>();
  }
}

template <typename Body>
void for_rows(std::int64_t rows, const Body& body) {
  cpu::share_out(cpu::parts_of(rows, rows_a_task), [&](std::int64_t task, int /*thread*/) {
    for (std::int64_t row = task * rows_a_task; row < std::min((task + 1) * rows_a_task, rows); ++row)
      body(row);
  });
}

/// Rows [batch or 1, 1, dim] or [dim] of float32, of which one belongs to each of a batch's.
struct BatchRows {
  explicit BatchRows(const at::Tensor& given) : rows(given.to(at::kFloat).contiguous()) {}
  const float* of(std::int64_t batch) const {
    const std::int64_t dim = rows.size(-1);
    return rows.const_data_ptr<float>() + (rows.numel() == dim ? 0 : batch * dim);
  }

  at::Tensor rows;
};

}  // namespace

bool takes(const at::Tensor& x) {
  return level_here() != nullptr && x.is_cpu() &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

std::string_view level_name() { return level_here() == nullptr ? "" : level_here()->name; }

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                  bool gelu) {
  const at::Tensor in = x.contiguous();
  const at::Tensor weights = weight.contiguous();
  const std::int64_t depth = weights.size(1), columns = weights.size(0);
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = columns;
  at::Tensor out = at::empty(shape, x.options());
  if (out.numel() == 0) return out;
  const at::Tensor wide = bias ? bias->to(at::kFloat).contiguous() : at::Tensor{};
  by_type(x, [&]<typename Number>() {
    cpu::multiply<Number>(*level_here(), {numbers_of<Number>(in), depth}, in.numel() / depth,
                          {numbers_of<Number>(weights), depth}, columns, depth,
                          {.bias = bias ? wide.const_data_ptr<float>() : nullptr,
                           .gelu = gelu,
                           .out = {static_cast<Number*>(out.mutable_data_ptr()), columns}});
  });
  return out;
}

at::Tensor norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double eps) {
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty_like(in);
  const BatchRows scales(scale), shifts(shift);
  const std::int64_t dim = in.size(2), tokens = in.size(1);
  by_type(x, [&]<typename Number>() {
    auto* const to = static_cast<Number*>(out.mutable_data_ptr());
    for_rows(in.size(0) * tokens, [&](std::int64_t row) {
      level_here()->of<Number>().norm_row(numbers_of<Number>(in) + row * dim, dim, static_cast<float>(eps),
                                          scales.of(row / tokens), shifts.of(row / tokens), to + row * dim);
    });
  });
  return out;
}

at::Tensor sums_of_squares(const at::Tensor& x) {
  const at::Tensor in = x.contiguous();
  at::Tensor sums = at::empty({in.size(0), in.size(1), 1}, in.options().dtype(at::kFloat));
  auto* const to = sums.mutable_data_ptr<float>();
  const std::int64_t dim = in.size(2);
  by_type(x, [&]<typename Number>() {
    for_rows(sums.numel(), [&](std::int64_t row) {
      to[row] = level_here()->of<Number>().sum_of_squares(numbers_of<Number>(in) + row * dim, dim);
    });
  });
  return sums;
}

at::Tensor scaled_and_turned(const at::Tensor& x, const at::Tensor& factors, const at::Tensor& weight,
                             std::int64_t heads, const at::Tensor& cos, const at::Tensor& sin) {
  const at::Tensor in = x.contiguous();
  const at::Tensor wide = weight.to(at::kFloat).contiguous();
  const at::Tensor of_rows = factors.contiguous();
  const at::Tensor cosines = cos.defined() ? cos.contiguous() : cos;
  const at::Tensor sines = sin.defined() ? sin.contiguous() : sin;
  const std::int64_t dim = in.size(2), tokens = in.size(1), width = dim / heads;
  at::Tensor out = at::empty({in.size(0), tokens, heads, width}, in.options());
  const auto of_token = [&](const at::Tensor& table, std::int64_t row) {
    return table.defined() ? table.const_data_ptr<float>() + row % tokens * (width / 2) : nullptr;
  };
  by_type(x, [&]<typename Number>() {
    auto* const to = static_cast<Number*>(out.mutable_data_ptr());
    for_rows(in.size(0) * tokens, [&](std::int64_t row) {
      level_here()->of<Number>().rotate_row(
          numbers_of<Number>(in) + row * dim, heads, width, of_rows.const_data_ptr<float>()[row],
          wide.const_data_ptr<float>(), of_token(cosines, row), of_token(sines, row), to + row * dim);
    });
  });
  return out;
}

at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) {
  const at::Tensor to_add = y.to(x.scalar_type()).contiguous(), in = x.contiguous();
  at::Tensor out = at::empty_like(in);
  const BatchRows gates(gate);
  const std::int64_t dim = in.size(2), tokens = in.size(1);
  by_type(x, [&]<typename Number>() {
    auto* const to = static_cast<Number*>(out.mutable_data_ptr());
    for_rows(in.size(0) * tokens, [&](std::int64_t row) {
      level_here()->of<Number>().gated_sum_row(numbers_of<Number>(in) + row * dim,
                                               numbers_of<Number>(to_add) + row * dim, gates.of(row / tokens),
                                               dim, to + row * dim);
    });
  });
  return out;
}

PartialAttention attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  // Only numbers of a head must be neighbours.
  const auto dense = [](const at::Tensor& x) { return x.stride(3) == 1 ? x : x.contiguous(); };
  const at::Tensor q = dense(query), k = dense(key), v = dense(value);
  at::Tensor out = at::empty(q.sizes(), q.options());
  at::Tensor lse = at::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::kFloat));
  const cpu::AttentionSizes sizes{
      .heads = q.size(2), .queries = q.size(1), .keys = k.size(1), .width = q.size(3)};
  if (out.numel() == 0) return {out, lse};
  by_type(query, [&]<typename Number>() {
    const auto heads = [](const at::Tensor& x, std::int64_t batch) {
      return cpu::Heads<const Number>{numbers_of<Number>(x) + batch * x.stride(0), x.stride(2), x.stride(1)};
    };
    for (std::int64_t batch = 0; batch < q.size(0); ++batch) {
      cpu::attend<Number>(*level_here(), sizes, heads(q, batch), heads(k, batch), heads(v, batch),
                          {static_cast<Number*>(out.mutable_data_ptr()) + batch * out.stride(0),
                           out.stride(2), out.stride(1)},
                          lse.mutable_data_ptr<float>() + batch * lse.stride(0));
    }
  });
  return {out, lse};
}

}  // namespace ditmill::models::kernels::fast
