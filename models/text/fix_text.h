#pragma once

#include <string>
#include <string_view>

namespace ditmill::models {

/// ftfy 6.3.1's fix_text with its defaults, less the repair of mojibake: references, C1 controls, ligatures,
/// character width, quotes, line breaks, terminal escapes, control characters and NFC, repeated on each line
/// until nothing changes.
std::u32string fix_text(std::u32string_view text);

}  // namespace ditmill::models
