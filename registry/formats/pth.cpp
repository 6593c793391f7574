#include "registry/formats/pth.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "configs/error.h"
#include "registry/formats/looks_like.h"
#include "registry/formats/pth_archive.h"
#include "registry/formats/pth_stream.h"

namespace ditmill::registry {
namespace {

using namespace std::string_view_literals;

enum class Form { unknown, archive, stream };

Form form_of(const ByteSource& source) {
  std::array<char, 4> begin{};
  const std::size_t count = std::min<std::uint64_t>(begin.size(), source.size());
  source.read_at(0, std::as_writable_bytes(std::span{begin}.first(count)));
  if (count == 4 && std::string_view{begin.data(), 4} == "PK\x03\x04"sv) return Form::archive;
  if (count >= 2 && begin[0] == '\x80' && begin[1] >= 2 && begin[1] <= 5) return Form::stream;
  return Form::unknown;
}

}  // namespace

PthHeader read_pth_header(const ByteSource& source) {
  switch (form_of(source)) {
    case Form::archive:
      return read_pth_archive(source);
    case Form::stream:
      return read_pth_stream(source);
    case Form::unknown:
      break;
  }
  throw Error{Category::bad_input,
              "read a file of torch.save",
              Where{.file = source.label(), .offset = 0},
              Expected{"a zip archive, or a pickle of protocol 2 to 5"},
              Got{source.size() == 0 ? "an empty file" : "other bytes"},
              looks_like(source)};
}

bool looks_like_pth(const ByteSource& source) { return form_of(source) != Form::unknown; }

}  // namespace ditmill::registry
