#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "configs/pipeline_config.h"

namespace ditmill::models {

/// Peak bytes of activations on a rank while one text is encoded by UMT5, from above.
std::uint64_t umt5_encode_bytes(const nlohmann::json& umt5, configs::Dtype dtype,
                                const configs::ParallelConfig& parallel = {});
/// Bytes of a text's embedding by UMT5, from above: a token a byte and two more (the leading space, the end),
/// at most umt5_text_tokens.
std::uint64_t umt5_embedding_bytes(const nlohmann::json& umt5, configs::Dtype dtype, std::string_view text);

}  // namespace ditmill::models
