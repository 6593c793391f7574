#include "registry/formats/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "configs/error.h"
#include "configs/utf8.h"
#include "registry/checked.h"
#include "registry/formats/json_scanner.h"
#include "registry/formats/looks_like.h"

namespace ditmill::registry {
namespace {

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t largest_header = 100'000'000;
constexpr const char* reading_header = "read safetensors header";

[[noreturn]] void refuse(const ByteSource& source, std::uint64_t offset, std::string expected,
                         std::string got, std::string hint = {}) {
  throw Error{
      Category::bad_input,           reading_header,      Where{.file = source.label(), .offset = offset},
      Expected{std::move(expected)}, Got{std::move(got)}, std::move(hint)};
}

std::string bytes_text(std::uint64_t count) { return std::to_string(count) + " bytes"; }

/// The length of the JSON, checked against the file.
std::uint64_t read_length(const ByteSource& source) {
  if (source.size() < length_bytes) {
    refuse(source, 0, "a header length of 8 bytes", "a file of " + bytes_text(source.size()),
           looks_like(source));
  }
  std::byte raw[length_bytes];
  source.read_at(0, raw);
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(raw[i]);
  const std::uint64_t most = std::min(largest_header, source.size() - length_bytes);
  if (length == 0 || length > most) {
    std::string hint = looks_like(source);
    if (hint.empty() && length > most && length <= largest_header) {
      hint = "the file ends before its header does: fetch it again";
    }
    refuse(source, 0, "a header length from 1 to " + std::to_string(most),
           std::to_string(length) + " in a file of " + bytes_text(source.size()), std::move(hint));
  }
  return length;
}

/// Bits of a tensor's data, or nothing if they are 2^64 or more, also if a dimension of 0 hides that.
std::optional<std::uint64_t> bits_of(const TensorInfo& tensor) {
  std::uint64_t product = static_cast<std::uint64_t>(bits(tensor.type));
  bool empty = false;
  for (const std::uint64_t size : tensor.shape) {
    empty = empty || size == 0;
    const std::optional<std::uint64_t> next = checked_multiply(product, std::max<std::uint64_t>(size, 1));
    if (!next) return std::nullopt;
    product = *next;
  }
  return empty ? 0 : product;
}

/// Reads the JSON of one header.
class HeaderReader {
 public:
  HeaderReader(const ByteSource& source, std::string_view json)
      : source_(source),
        json_(json),
        data_begin_(length_bytes + json.size()),
        data_bytes_(source.size() - data_begin_),
        scanner_(json, reading_header, source.label(), length_bytes) {}

  SafetensorsHeader read() {
    scanner_.begin_object();
    while (scanner_.next_member()) {
      std::string name = scanner_.key();
      if (name == "__metadata__") {
        read_metadata();
      } else {
        check_name(name);
        read_tensor(std::move(name));
      }
    }
    scanner_.finish();
    header_.header_bytes = data_begin_;
    order_and_check_cover();
    return std::move(header_);
  }

 private:
  void read_metadata() {
    if (scanner_.peek() == JsonKind::null) return scanner_.null();
    const std::uint64_t start = scanner_.offset();
    if (scanner_.peek() != JsonKind::object) {
      scanner_.fail(start, "__metadata__ as an object of strings", scanner_.shown(start));
    }
    scanner_.begin_object();
    while (scanner_.next_member()) {
      const std::uint64_t value = scanner_.offset();
      if (scanner_.peek() != JsonKind::string) {
        scanner_.fail(value, "a string in __metadata__", scanner_.shown(value));
      }
      scanner_.skip();
    }
    const std::string_view up_to_here = json_.substr(0, scanner_.offset() - length_bytes);
    header_.metadata =
        up_to_here.substr(start - length_bytes, up_to_here.rfind('}') + 1 - (start - length_bytes));
  }

  void check_name(const std::string& name) const {
    const std::uint64_t offset = scanner_.key_offset();
    if (name.empty()) scanner_.fail(offset, "a tensor name", "an empty one");
    for (std::size_t at = 0; at < name.size();) {
      const utf8::Decoded next = utf8::decode(std::string_view{name}.substr(at));
      if (next.code_point < 0x20 || (next.code_point >= 0x7f && next.code_point <= 0x9f)) {
        scanner_.fail(offset, "a tensor name without control characters", "'" + printable(name) + "'");
      }
      at += next.length;
    }
  }

  [[noreturn]] void fail(std::uint64_t offset, std::string expected, std::string got,
                         const std::string& tensor) const {
    scanner_.fail(offset, std::move(expected), std::move(got), tensor);
  }

  void read_tensor(std::string name) {
    TensorInfo tensor{.name = std::move(name), .type = ElementType::u8, .shape = {}};
    const std::uint64_t start = scanner_.offset();
    if (scanner_.peek() != JsonKind::object) {
      fail(start, "a tensor's entry as an object", scanner_.shown(start), tensor.name);
    }
    bool has_type = false;
    std::optional<std::uint64_t> shape_at;
    std::optional<std::uint64_t> range_at;
    scanner_.begin_object();
    while (scanner_.next_member()) {
      const std::string field = scanner_.key();
      if (field == "dtype") {
        has_type = true;
        read_type(tensor);
      } else if (field == "shape") {
        shape_at = scanner_.offset();
        read_shape(tensor);
      } else if (field == "data_offsets") {
        range_at = scanner_.offset();
        read_range(tensor);
      } else {
        scanner_.skip();
      }
    }
    if (!has_type) fail(start, "\"dtype\" in the entry", "none", tensor.name);
    if (!shape_at) fail(start, "\"shape\" in the entry", "none", tensor.name);
    if (!range_at) fail(start, "\"data_offsets\" in the entry", "none", tensor.name);
    check_size(tensor, *shape_at, *range_at);
    header_.tensors.push_back(std::move(tensor));
    range_offsets_.push_back(static_cast<std::uint32_t>(*range_at));
  }

  void read_type(TensorInfo& tensor) {
    const std::uint64_t start = scanner_.offset();
    const std::string expected = "a dtype of the safetensors format";
    if (scanner_.peek() != JsonKind::string) fail(start, expected, scanner_.shown(start), tensor.name);
    const std::string word = scanner_.string();
    const std::optional<ElementType> type = element_type_named(word);
    if (!type) fail(start, expected, "'" + printable(word) + "'", tensor.name);
    tensor.type = *type;
  }

  void read_shape(TensorInfo& tensor) {
    const std::uint64_t start = scanner_.offset();
    if (scanner_.peek() != JsonKind::array) {
      fail(start, "shape as an array", scanner_.shown(start), tensor.name);
    }
    scanner_.begin_array();
    tensor.shape.reserve(scanner_.count_elements());
    while (scanner_.next_element()) tensor.shape.push_back(scanner_.natural("a dimension"));
  }

  void read_range(TensorInfo& tensor) {
    const std::uint64_t start = scanner_.offset();
    const std::string expected = "data_offsets as an array of two";
    if (scanner_.peek() != JsonKind::array) fail(start, expected, scanner_.shown(start), tensor.name);
    std::uint64_t values[2] = {};
    std::size_t count = 0;
    scanner_.begin_array();
    while (scanner_.next_element()) {
      const std::uint64_t value = scanner_.natural("an offset");
      if (count < 2) values[count] = value;
      ++count;
    }
    if (count != 2) fail(start, expected, std::to_string(count) + " values", tensor.name);
    const auto [begin, end] = values;
    const std::string got = "[" + std::to_string(begin) + ", " + std::to_string(end) + "]";
    if (begin > end) fail(start, "data_offsets that begin before they end", got, tensor.name);
    if (end > data_bytes_) {
      scanner_.fail(start, "data_offsets within the " + bytes_text(data_bytes_) + " of data", got,
                    tensor.name, "the file ends before its tensors do; fetch it again");
    }
    tensor.begin = data_begin_ + begin;
    tensor.end = data_begin_ + end;
  }

  void check_size(const TensorInfo& tensor, std::uint64_t shape_at, std::uint64_t range_at) const {
    const std::string described = std::string{name(tensor.type)} + " " + shape_text(tensor.shape);
    const std::optional<std::uint64_t> bits = bits_of(tensor);
    if (!bits) fail(shape_at, "a shape whose bits are under 2^64", described, tensor.name);
    if (*bits % 8 != 0) {
      fail(shape_at, "a shape whose elements fill whole bytes",
           described + ", " + std::to_string(*bits) + " bits", tensor.name);
    }
    if (*bits / 8 != tensor.end - tensor.begin) {
      fail(range_at, "data_offsets " + bytes_text(*bits / 8) + " apart for " + described,
           bytes_text(tensor.end - tensor.begin), tensor.name);
    }
  }

  /// Sorts the tensors by their place; refuses ranges that overlap or leave bytes out.
  void order_and_check_cover() {
    std::vector<TensorInfo>& tensors = header_.tensors;
    std::vector<std::uint32_t> order(tensors.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&tensors](std::uint32_t a, std::uint32_t b) {
      const TensorInfo& x = tensors[a];
      const TensorInfo& y = tensors[b];
      return std::tie(x.begin, x.end, x.name) < std::tie(y.begin, y.end, y.name);
    });
    std::uint64_t at = data_begin_;
    const TensorInfo* before = nullptr;
    for (const std::uint32_t index : order) {
      const TensorInfo& tensor = tensors[index];
      if (tensor.begin != at) {
        const std::string previous =
            before == nullptr ? "the data begin" : "'" + printable(before->name) + "' ends";
        fail(range_offsets_[index],
             "data_offsets that begin where " + previous + ", at " + std::to_string(at - data_begin_),
             std::to_string(tensor.begin - data_begin_) + (tensor.begin < at ? ", an overlap" : ", a hole"),
             tensor.name);
      }
      at = tensor.end;
      before = &tensor;
    }
    if (at != source_.size()) {
      refuse(source_, at, "the end of the file after the last tensor",
             bytes_text(source_.size() - at) + " that no tensor uses");
    }
    std::vector<TensorInfo> ordered;
    ordered.reserve(tensors.size());
    for (const std::uint32_t index : order) ordered.push_back(std::move(tensors[index]));
    tensors = std::move(ordered);
  }

  const ByteSource& source_;
  std::string_view json_;
  std::uint64_t data_begin_;
  std::uint64_t data_bytes_;
  JsonScanner scanner_;
  SafetensorsHeader header_;
  std::vector<std::uint32_t> range_offsets_;  // where each tensor's data_offsets are: headers are under 4 GiB
};

}  // namespace

SafetensorsHeader read_safetensors_header(const ByteSource& source) {
  const std::uint64_t length = read_length(source);
  std::string json(length, '\0');
  source.read_at(length_bytes, std::as_writable_bytes(std::span{json}));
  return HeaderReader{source, json}.read();
}

}  // namespace ditmill::registry
