#pragma once

namespace ditmill::models {

/// From now on malloc gives back to the kernel, at once, what is freed of a MiB and more. Left alone it
/// learns to keep blocks of up to 32 MiB, and activations of many sizes leave holes between them that came to
/// more than twice what tensors hold: no estimate bounds that. Once a process, before it computes.
void give_large_blocks_back();

/// From now on LibTorch asks for huge pages for tensors of 2 MiB and more: a step makes hundreds of MB of
/// them anew, and the faults of small pages took up to 8 % of it. Once a process, before its first tensor.
void use_huge_pages();

}  // namespace ditmill::models
