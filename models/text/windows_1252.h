#pragma once

namespace ditmill::models {

/// What Windows-1252 has at a C1 control's place (0x80 .. 0x9f); the five places without a character stay.
char32_t windows_1252(char32_t c1) noexcept;

}  // namespace ditmill::models
