#include "dist/comm/late_max.h"

#include <algorithm>
#include <utility>

namespace ditmill::dist {

void LateMax::answer(Call& call) {
  call.given.wait();
  call.largest = *std::ranges::max_element(call.values);
  std::vector<Outgoing> out;
  for (int rank = 1; rank < comm_.size(); ++rank)
    out.push_back({.to = rank, .data = &call.largest, .bytes = sizeof call.largest});
  call.answers = comm_.exchange(out, {}, why_);
}

std::int64_t LateMax::next(std::int64_t value) {
  Call& call = calls_.emplace_back();
  if (comm_.rank() == 0) {
    call.values.resize(static_cast<std::size_t>(comm_.size()));
    call.values[0] = value;
    std::vector<Incoming> in;
    for (int rank = 1; rank < comm_.size(); ++rank)
      in.push_back(
          {.from = rank, .data = &call.values[static_cast<std::size_t>(rank)], .bytes = sizeof value});
    call.given = comm_.exchange({}, in, why_);
    if (calls_.size() > 1) answer(calls_[calls_.size() - 2]);
  } else {
    call.values = {value};
    const Outgoing out{.to = 0, .data = call.values.data(), .bytes = sizeof value};
    const Incoming in{.from = 0, .data = &call.largest, .bytes = sizeof call.largest};
    call.given = comm_.exchange({&out, 1}, {&in, 1}, why_);
  }
  if (calls_.size() < 3) return 0;
  Call& told = calls_.front();
  (comm_.rank() == 0 ? told.answers : told.given).wait();
  const std::int64_t largest = told.largest;
  calls_.pop_front();
  return largest;
}

void LateMax::finish() {
  if (comm_.rank() == 0 && !calls_.empty()) answer(calls_.back());
  for (Call& call : calls_) (comm_.rank() == 0 ? call.answers : call.given).wait();
  calls_.clear();
}

}  // namespace ditmill::dist
