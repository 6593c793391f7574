#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace ditmill::dist {

/// What `--device` asks for.
enum class DeviceChoice { automatic, cpu, cuda };

/// The device that a rank computes on, `local_rank` of its machine: for `automatic` a CUDA device where there
/// is one, for `cuda` one or an Error(device); ranks are dealt out over the devices of their machine. Makes
/// it the thread's device, has cuDNN choose by rule, so that the same layout gives the same bytes, and turns
/// TF32 off. LibTorch's CUDA part is loaded on first use only: half a second and 350 MB that a CPU has no use
/// for.
at::Device choose_device(DeviceChoice wanted, int local_rank);

/// A device for people ("NVIDIA H100 80GB HBM3 (cuda:0)"; "cpu"), equal for ranks of a machine that share it.
std::string describe_device(const at::Device& device);
/// Bytes that a CUDA device has free; 0 for any other device. Throws Error(device).
std::uint64_t free_memory(const at::Device& device);

}  // namespace ditmill::dist
