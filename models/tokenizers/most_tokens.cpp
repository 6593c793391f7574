#include "models/tokenizers/most_tokens.h"

#include <algorithm>
#include <array>

#include "configs/utf8.h"

namespace ditmill::models {
namespace {

/// Bytes that one character of U+FDFA has once it is normalised (NFKC): no other has more.
constexpr std::size_t longest_character = 33;
/// An HTML reference stands for two characters at most.
constexpr std::size_t longest_reference = 2 * longest_character;
/// What begins and ends a text.
constexpr std::size_t around = 16;

/// Characters of common scripts, which become fewer bytes: a piece has a byte at least.
struct Script {
  char32_t first;
  char32_t last;
  std::size_t bytes;
};
constexpr std::array scripts{Script{0x80, 0x3ff, 5},    Script{0x400, 0x52f, 2},    Script{0x530, 0x7ff, 4},
                             Script{0x2010, 0x2027, 3}, Script{0x3000, 0x3029, 3},  Script{0x3041, 0x3096, 3},
                             Script{0x30a1, 0x30fa, 3}, Script{0x3400, 0x9fff, 3},  Script{0xac00, 0xd7a3, 3},
                             Script{0xff00, 0xffef, 3}, Script{0x1f300, 0x1faff, 4}};

std::size_t most_bytes(char32_t c) noexcept {
  const auto* script = std::find_if(scripts.begin(), scripts.end(),
                                    [c](const Script& each) { return c >= each.first && c <= each.last; });
  return script == scripts.end() ? longest_character : script->bytes;
}

}  // namespace

std::size_t most_tokens(std::string_view text) noexcept {
  std::size_t most = around;
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      most += text.front() == '&' ? longest_reference : 1;
      text.remove_prefix(1);
      continue;
    }
    const auto [code_point, length] = utf8::decode(text);
    most += most_bytes(code_point);
    text.remove_prefix(length);
  }
  return most;
}

}  // namespace ditmill::models
