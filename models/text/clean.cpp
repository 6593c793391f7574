#include "models/text/clean.h"

#include "models/text/code_points.h"
#include "models/text/fix_text.h"
#include "models/text/html.h"

namespace ditmill::models {

std::string clean_prompt(std::string_view prompt) {
  const std::u32string text = html_unescape(html_unescape(fix_text(to_code_points(prompt))));
  std::u32string out;
  for (const char32_t c : text) {
    if (!is_white_space(c)) {
      out += c;
    } else if (!out.empty() && out.back() != U' ') {
      out += U' ';
    }
  }
  if (!out.empty() && out.back() == U' ') out.pop_back();
  return to_utf8(out);
}

}  // namespace ditmill::models
