#pragma once

namespace ditmill::models {

/// What of a CPU decides by which kernels LibTorch computes, and so what workspaces they take.
struct CpuKind {
  bool wide = true;             ///< AVX-512: oneDNN takes channels by sixteen, else by eight
  bool native_bfloat16 = true;  ///< oneDNN computes in bfloat16; else LibTorch's own, far slower loops do

  bool operator==(const CpuKind&) const = default;
};

/// The CPU of this machine, as far as oneDNN may use it: ONEDNN_MAX_CPU_ISA (formerly DNNL_MAX_CPU_ISA) caps
/// it. Asks the CPU, not LibTorch, which a login node need not load.
CpuKind this_cpu();

}  // namespace ditmill::models
