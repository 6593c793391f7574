#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "dist/comm/communicator.h"

namespace ditmill::jobs::bench {

/// What ranks talk by, in a benchmark.
struct BenchTeam {
  const dist::Communicator& host;
  const dist::Communicator& tensors;  ///< `host` itself, or NCCL's
  at::Device device;
};

/// Something to time, on tensors of one size.
struct BenchCase {
  enum class Kind {
    collective,  ///< of tensors, as layers call it
    host,        ///< of the host alone
    link,        ///< what the links give to plain exchanges, into buffers that are there
    copy,        ///< within a rank's memory, on all ranks at once
  };
  Kind kind = Kind::collective;
  std::string_view name;
  std::uint64_t bytes = 0;   ///< of the whole tensor; 0: there is none
  double least_traffic = 0;  ///< bytes that the best algorithm has a rank give or get
  bool one_way = false;      ///< one rank gives at a time, another one each call; else all give at once
  dist::Purpose why = dist::Purpose::agreement;
  std::function<std::vector<at::Tensor>()> run;
  std::function<std::vector<at::Tensor>()> expected;  ///< what run() has to return, bit for bit
};

/// Everything that `bench comm` times: collectives of bfloat16 from 8 bytes to `max_bytes`, in steps of 8
/// times; the host's; the link and the copy at sizes of their own. Cases share the buffers: one at a time.
std::vector<BenchCase> bench_cases(const BenchTeam& team, std::uint64_t max_bytes);

}  // namespace ditmill::jobs::bench
