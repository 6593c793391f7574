#include "jobs/requests/text/line_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>

#include "configs/error.h"
#include "configs/utf8.h"

namespace ditmill::jobs::requests {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

}  // namespace

LineReader::LineReader(const registry::ByteSource& source, std::size_t max_line)
    : source_(&source), max_line_(max_line) {
  if (fill() && std::string_view{buffer_}.starts_with(byte_order_mark)) at_ = byte_order_mark.size();
}

bool LineReader::fill() {
  const std::uint64_t left = source_->size() - offset_;
  buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_bytes)));
  at_ = 0;
  if (buffer_.empty()) return false;
  source_->read_at(offset_, std::as_writable_bytes(std::span{buffer_}));
  offset_ += buffer_.size();
  return true;
}

bool LineReader::next(std::string_view& line) {
  line_text_.clear();
  terminated_ = false;
  if (at_ == buffer_.size() && !fill()) return false;
  if (line_ == std::numeric_limits<int>::max()) {
    throw Error{
        Category::bad_input, "read lines", Where{.file = source_->label()}, {}, Got{"over 2^31 lines"}};
  }
  ++line_;
  while (at_ < buffer_.size() || fill()) {
    const std::size_t end = buffer_.find('\n', at_);
    const std::size_t length = (end == std::string::npos ? buffer_.size() : end) - at_;
    if (line_text_.size() + length > max_line_) {
      throw Error{Category::bad_input, "read lines", Where{.file = source_->label(), .line = line_},
                  Expected{"lines of at most " + std::to_string(max_line_) + " bytes"}, Got{"a longer one"}};
    }
    line_text_.append(buffer_, at_, length);
    at_ += length;
    if (end != std::string::npos) {
      ++at_;
      terminated_ = true;
      break;
    }
  }
  line = line_text_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

std::string_view LineReader::line_end() const noexcept {
  if (!terminated_) return {};
  return line_text_.ends_with('\r') ? "\r\n" : "\n";
}

int column_at(std::string_view line, std::size_t offset) noexcept {
  int column = 1;
  for (std::size_t at = 0; at < offset && at < line.size(); ++column)
    at += utf8::decode(line.substr(at)).length;
  return column;
}

bool is_blank(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto [code_point, length] = utf8::decode(text);
    if (!is_white_space(code_point)) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace ditmill::jobs::requests
