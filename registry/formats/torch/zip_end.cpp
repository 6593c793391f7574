#include "registry/formats/torch/zip_end.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "configs/error.h"
#include "registry/checked.h"
#include "registry/formats/torch/little_endian.h"

namespace ditmill::registry {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t end_bytes = 22;
constexpr std::uint64_t longest_comment = 0xffff;
constexpr std::uint64_t locator_bytes = 20;
constexpr std::uint64_t end64_bytes = 56;
constexpr std::uint64_t in_other_record_16 = 0xffff;
constexpr std::uint64_t in_other_record_32 = 0xffffffff;

[[noreturn]] void refuse_end(const ByteSource& source, std::uint64_t offset, std::string expected,
                             std::string got, std::string hint = {}) {
  throw Error{Category::bad_input,
              "read the end of a zip archive",
              Where{.file = source.label(), .offset = offset},
              Expected{std::move(expected)},
              Got{std::move(got)},
              std::move(hint)};
}

template <std::size_t Size>
std::array<std::byte, Size> read(const ByteSource& source, std::uint64_t offset) {
  std::array<std::byte, Size> bytes{};
  source.read_at(offset, bytes);
  return bytes;
}

/// A number of `count` bytes at `at` of a record.
template <std::size_t Size>
std::uint64_t field(const std::array<std::byte, Size>& record, std::size_t at, std::size_t count) {
  return little_endian(std::span{record}.subspan(at, count));
}

template <std::size_t Size>
bool signed_as(const std::array<std::byte, Size>& record, std::string_view signature) {
  return std::memcmp(record.data(), signature.data(), signature.size()) == 0;
}

/// The places from the end of the file backwards where an end record's signature stands.
class Candidates {
 public:
  explicit Candidates(const ByteSource& source) : source_(source), at_(source.size()) {
    const std::uint64_t furthest = end_bytes + longest_comment;
    lowest_ = source.size() > furthest ? source.size() - furthest : 0;
    at_ = source.size() < end_bytes ? lowest_ : source.size() - end_bytes + 1;
  }

  std::optional<std::uint64_t> next() {
    while (at_ > lowest_) {
      --at_;
      if (matches()) return at_;
    }
    return std::nullopt;
  }

 private:
  bool matches() {
    constexpr std::string_view signature = "PK\x05\x06"sv;
    if (at_ < window_begin_ || at_ + signature.size() > window_begin_ + window_bytes_) {
      const std::uint64_t end = at_ + signature.size();
      window_begin_ = end - std::min<std::uint64_t>(end - lowest_, window_.size());
      window_bytes_ = end - window_begin_;
      source_.read_at(window_begin_, std::span{window_}.first(window_bytes_));
    }
    return std::memcmp(window_.data() + (at_ - window_begin_), signature.data(), signature.size()) == 0;
  }

  const ByteSource& source_;
  std::uint64_t at_;
  std::uint64_t lowest_ = 0;
  std::array<std::byte, 4096> window_{};
  std::uint64_t window_begin_ = ~std::uint64_t{0};
  std::uint64_t window_bytes_ = 0;
};

/// Where the record after `at` would end, by its comment's length.
std::uint64_t claimed_end(const ByteSource& source, std::uint64_t at) {
  return at + end_bytes + little_endian(read<2>(source, at + end_bytes - 2));
}

std::uint64_t find_end_record(const ByteSource& source) {
  Candidates candidates{source};
  const std::optional<std::uint64_t> last = candidates.next();
  if (!last) {
    refuse_end(source, source.size(), "a zip archive's end record near the end of the file",
               "none: the file may be cut off", "the file ends before its tensors do; fetch it again");
  }
  const std::uint64_t end = claimed_end(source, *last);
  if (end != source.size()) {
    refuse_end(source, *last, "an end record whose comment ends with the file",
               end < source.size() ? std::to_string(source.size() - end) + " bytes behind it"
                                   : "a comment that is cut off");
  }
  while (const std::optional<std::uint64_t> other = candidates.next()) {
    if (claimed_end(source, *other) == source.size()) {
      refuse_end(source, *last, "one end record",
                 "another one inside the comment of that at byte " + std::to_string(*other));
    }
  }
  return *last;
}

}  // namespace

ZipEnd read_zip_end(const ByteSource& source) {
  const std::uint64_t at = find_end_record(source);
  const auto record = read<end_bytes>(source, at);
  if (field(record, 4, 2) != 0 || field(record, 6, 2) != 0 || field(record, 8, 2) != field(record, 10, 2)) {
    refuse_end(source, at, "a zip archive on one disk", "one of several");
  }
  ZipEnd end{.begin = field(record, 16, 4), .bytes = field(record, 12, 4), .entries = field(record, 10, 2)};
  std::uint64_t records_begin = at;
  if (at >= locator_bytes && signed_as(read<4>(source, at - locator_bytes), "PK\x06\x07"sv)) {
    const std::uint64_t locator_at = at - locator_bytes;
    const auto locator = read<locator_bytes>(source, locator_at);
    if (field(locator, 4, 4) != 0 || field(locator, 16, 4) > 1) {
      refuse_end(source, locator_at, "a zip archive on one disk", "one of several");
    }
    records_begin = field(locator, 8, 8);
    if (records_begin > locator_at || locator_at - records_begin != end64_bytes) {
      refuse_end(source, locator_at, "a zip64 end record of 56 bytes right before its locator",
                 "one at byte " + std::to_string(records_begin));
    }
    const auto record64 = read<end64_bytes>(source, records_begin);
    if (!signed_as(record64, "PK\x06\x06"sv) || field(record64, 4, 8) != end64_bytes - 12) {
      refuse_end(source, records_begin, "a zip64 end record of 56 bytes", "something else");
    }
    const ZipEnd end64{
        .begin = field(record64, 48, 8), .bytes = field(record64, 40, 8), .entries = field(record64, 32, 8)};
    if (field(record64, 16, 4) != 0 || field(record64, 20, 4) != 0 ||
        field(record64, 24, 8) != end64.entries) {
      refuse_end(source, records_begin, "a zip archive on one disk", "one of several");
    }
    const auto agree = [](std::uint64_t narrow, std::uint64_t elsewhere, std::uint64_t wide) {
      return narrow == elsewhere || narrow == wide;
    };
    if (!agree(end.begin, in_other_record_32, end64.begin) ||
        !agree(end.bytes, in_other_record_32, end64.bytes) ||
        !agree(end.entries, in_other_record_16, end64.entries)) {
      refuse_end(source, at, "an end record that says what the zip64 end record says", "another directory");
    }
    end = end64;
  }
  if (checked_add(end.begin, end.bytes) != std::optional{records_begin}) {
    refuse_end(source, at,
               "a directory that ends where the end records begin, at byte " + std::to_string(records_begin),
               std::to_string(end.bytes) + " bytes from byte " + std::to_string(end.begin));
  }
  end.record_bytes = source.size() - records_begin;
  return end;
}

}  // namespace ditmill::registry
