#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ditmill::models {

/// The bytes that base64 stands for (RFC 4648, with its padding); none for what is not exactly that.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace ditmill::models
