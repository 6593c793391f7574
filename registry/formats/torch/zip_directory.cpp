#include "registry/formats/torch/zip_directory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "configs/error.h"
#include "configs/utf8.h"
#include "registry/checked.h"
#include "registry/formats/torch/little_endian.h"
#include "registry/formats/torch/zip_end.h"

namespace ditmill::registry {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t largest_directory = 100'000'000;
constexpr std::uint64_t entry_bytes = 46;
constexpr std::uint64_t local_bytes = 30;
constexpr std::uint64_t in_extra = 0xffffffff;
constexpr std::uint64_t zip64_extra = 0x0001;
constexpr std::uint64_t encrypted_flags = 1 << 0 | 1 << 6 | 1 << 13;
constexpr std::uint64_t descriptor_flag = 1 << 3;
constexpr const char* reading_directory = "read the directory of a zip archive";

[[noreturn]] void refuse_member(const ByteSource& source, std::uint64_t offset, std::string_view member,
                                std::string expected, std::string got, std::string hint = {}) {
  if (!member.empty()) expected += " (member '" + printable(member) + "')";
  throw Error{
      Category::bad_input,           reading_directory,   Where{.file = source.label(), .offset = offset},
      Expected{std::move(expected)}, Got{std::move(got)}, std::move(hint)};
}

/// An entry of the directory, and what its local header has to repeat.
struct Entry {
  ZipMember member;
  std::uint64_t local = 0;  ///< where its local header begins
  std::uint16_t flags = 0;
};

/// The sizes and offset of an entry, those in its zip64 extra field looked up.
struct Extents {
  std::uint64_t size;
  std::uint64_t packed;
  std::uint64_t local;
};

class DirectoryParser {
 public:
  DirectoryParser(const ByteSource& source, const ZipEnd& end, std::span<const char> text)
      : source_(source), end_(end), text_(std::as_bytes(text)), names_(text.data()) {}

  std::vector<Entry> parse() {
    std::vector<Entry> entries;
    entries.reserve(end_.entries);
    for (std::uint64_t i = 0; i < end_.entries; ++i) entries.push_back(next());
    if (at_ != text_.size()) {
      refuse_member(source_, end_.begin + at_, {},
                    "a directory of " + std::to_string(end_.entries) + " entries",
                    std::to_string(text_.size() - at_) + " bytes behind the last");
    }
    return entries;
  }

 private:
  std::uint64_t field(std::size_t at, std::size_t count) const {
    return little_endian(text_.subspan(at_ + at, count));
  }

  Entry next() {
    const std::uint64_t start = end_.begin + at_;
    const std::uint64_t left = text_.size() - at_;
    if (left < entry_bytes || std::memcmp(text_.data() + at_, "PK\x01\x02", 4) != 0) {
      refuse_member(source_, start, {}, "an entry of the directory",
                    left < entry_bytes ? "its end" : "something else");
    }
    const std::uint64_t name_bytes = field(28, 2);
    const std::uint64_t extra_bytes = field(30, 2);
    const std::uint64_t whole = entry_bytes + name_bytes + extra_bytes + field(32, 2);
    if (whole > left)
      refuse_member(source_, start, {}, "an entry within the directory", "one that is cut off");
    const std::string_view name{names_ + at_ + entry_bytes, name_bytes};
    check_name(start, name);
    const std::uint64_t flags = field(8, 2);
    if ((flags & encrypted_flags) != 0)
      refuse_member(source_, start, name, "no encrypted members", "an encrypted one");
    if (field(10, 2) != 0) {
      refuse_member(source_, start, name, "stored members, as torch writes them",
                    "one compressed by method " + std::to_string(field(10, 2)),
                    "unpack the archive and pack it with `zip -0`");
    }
    if (field(34, 2) != 0) refuse_member(source_, start, name, "a zip archive on one disk", "one of several");
    const Extents extents = extents_of(start, name, entry_bytes + name_bytes, extra_bytes);
    if (extents.size != extents.packed) {
      refuse_member(source_, start, name, "a stored member of one size",
                    std::to_string(extents.size) + " and " + std::to_string(extents.packed) + " bytes");
    }
    at_ += whole;
    return {{name, 0, extents.size}, extents.local, static_cast<std::uint16_t>(flags)};
  }

  void check_name(std::uint64_t start, std::string_view name) const {
    const auto bad = [&](std::string got) {
      refuse_member(source_, start, {}, "a member's name that is a relative path",
                    "'" + printable(name) + "', " + std::move(got));
    };
    if (name.empty()) bad("an empty name");
    if (utf8::find_invalid(name) != std::string_view::npos) bad("which is not UTF-8");
    if (name.find_first_of("\\\0"sv) != std::string_view::npos) bad("with a backslash or NUL");
    if (name.front() == '/') bad("an absolute path");
    for (std::size_t from = 0; from <= name.size();) {
      const std::size_t slash = std::min(name.find('/', from), name.size());
      const std::string_view part = name.substr(from, slash - from);
      if (part == "..") bad("a path that leaves its folder");
      if (part.empty() || part == ".") bad("with an empty part or '.'");
      from = slash + 1;
    }
  }

  Extents extents_of(std::uint64_t start, std::string_view name, std::size_t extra_at,
                     std::size_t extra_bytes) const {
    Extents extents{field(24, 4), field(20, 4), field(42, 4)};
    std::array<std::uint64_t*, 3> wanted{&extents.size, &extents.packed, &extents.local};
    std::size_t missing = 0;
    for (std::uint64_t*& value : wanted) {
      if (*value == in_extra) wanted[missing++] = value;
    }
    bool found = false;
    for (std::size_t at = extra_at; at < extra_at + extra_bytes;) {
      const std::size_t left = extra_at + extra_bytes - at;
      if (left < 4 || field(at + 2, 2) > left - 4) {
        refuse_member(source_, start, name, "extra fields that end with the entry", "one that is cut off");
      }
      const std::size_t length = field(at + 2, 2);
      if (field(at, 2) == zip64_extra) {
        if (found || length < 8 * missing) {
          refuse_member(source_, start, name, "one zip64 field with " + std::to_string(missing) + " numbers",
                        found ? "two" : "one of " + std::to_string(length) + " bytes");
        }
        found = true;
        for (std::size_t i = 0; i < missing; ++i) *wanted[i] = field(at + 4 + 8 * i, 8);
      }
      at += 4 + length;
    }
    if (missing > 0 && !found) refuse_member(source_, start, name, "a zip64 field with its sizes", "none");
    return extents;
  }

  const ByteSource& source_;
  const ZipEnd& end_;
  std::span<const std::byte> text_;
  const char* names_;
  std::size_t at_ = 0;
};

/// Compares an entry with its local header and finds where its bytes begin; returns the header's length.
class LocalHeader {
 public:
  LocalHeader(const ByteSource& source, const Entry& entry, std::uint64_t limit)
      : source_(source), entry_(entry), limit_(limit) {}

  std::uint64_t check() {
    if (entry_.local > limit_ || limit_ - entry_.local < local_bytes) {
      bad("a member before the directory", "one at byte " + std::to_string(entry_.local));
    }
    source_.read_at(entry_.local, header_);
    if (std::memcmp(header_.data(), "PK\x03\x04", 4) != 0) bad("a local header", "something else");
    const std::uint64_t name_bytes = field(26, 2);
    const std::uint64_t extra_bytes = field(28, 2);
    const std::uint64_t whole = local_bytes + name_bytes + extra_bytes;
    if (limit_ - entry_.local < whole || limit_ - entry_.local - whole < entry_.member.size) {
      bad("a member before the directory", std::to_string(entry_.member.size) + " bytes that go beyond it");
    }
    if (!same_name(name_bytes)) bad("a local header with the directory's name", "another name");
    if (field(8, 2) != 0) bad("a local header that says stored", "method " + std::to_string(field(8, 2)));
    if (field(6, 2) != entry_.flags) {
      bad("a local header with the directory's flags, " + std::to_string(entry_.flags),
          std::to_string(field(6, 2)));
    }
    if ((entry_.flags & descriptor_flag) == 0) check_sizes(name_bytes, extra_bytes);
    return whole;
  }

 private:
  [[noreturn]] void bad(std::string expected, std::string got) const {
    refuse_member(source_, entry_.local, entry_.member.name, std::move(expected), std::move(got));
  }

  std::uint64_t field(std::size_t at, std::size_t count) const {
    return little_endian(std::span{header_}.subspan(at, count));
  }

  bool same_name(std::uint64_t name_bytes) const {
    const std::string_view name = entry_.member.name;
    if (name_bytes != name.size()) return false;
    std::array<std::byte, 256> piece{};
    for (std::size_t at = 0; at < name.size(); at += piece.size()) {
      const std::size_t count = std::min(piece.size(), name.size() - at);
      source_.read_at(entry_.local + local_bytes + at, std::span{piece}.first(count));
      if (std::memcmp(piece.data(), name.data() + at, count) != 0) return false;
    }
    return true;
  }

  void check_sizes(std::uint64_t name_bytes, std::uint64_t extra_bytes) const {
    std::uint64_t size = field(22, 4);
    std::uint64_t packed = field(18, 4);
    if (size == in_extra || packed == in_extra) {
      read_zip64_sizes(entry_.local + local_bytes + name_bytes, extra_bytes, size, packed);
    }
    if (size != entry_.member.size || packed != entry_.member.size) {
      bad("a local header with the directory's size, " + std::to_string(entry_.member.size),
          std::to_string(size) + " and " + std::to_string(packed));
    }
  }

  void read_zip64_sizes(std::uint64_t at, std::uint64_t left, std::uint64_t& size,
                        std::uint64_t& packed) const {
    while (left >= 4) {
      std::array<std::byte, 20> extra{};
      const std::uint64_t count = std::min<std::uint64_t>(left, extra.size());
      source_.read_at(at, std::span{extra}.first(count));
      const std::uint64_t length = little_endian(std::span{extra}.subspan(2, 2));
      if (length > left - 4) break;
      if (little_endian(std::span{extra}.first(2)) == zip64_extra) {
        std::size_t next = 4;
        for (std::uint64_t* value : {&size, &packed}) {
          if (*value != in_extra) continue;
          if (next - 4 + 8 > length) bad("a zip64 field with both sizes", "a shorter one");
          *value = little_endian(std::span{extra}.subspan(next, 8));
          next += 8;
        }
        return;
      }
      at += 4 + length;
      left -= 4 + length;
    }
    bad("a zip64 field with its sizes", "none");
  }

  const ByteSource& source_;
  const Entry& entry_;
  std::uint64_t limit_;
  std::array<std::byte, local_bytes> header_{};
};

/// Refuses bytes of the file that two members claim or none does; a data descriptor may follow a member.
void check_cover(const ByteSource& source, std::uint64_t expected, std::uint64_t found, const Entry* before,
                 std::string_view member) {
  if (found == expected) return;
  if (found < expected) refuse_member(source, found, member, "members that do not overlap", "an overlap");
  const std::uint64_t gap = found - expected;
  const bool descriptor = before != nullptr && (before->flags & descriptor_flag) != 0 &&
                          (gap == 12 || gap == 16 || gap == 20 || gap == 24);
  if (!descriptor) {
    refuse_member(
        source, expected, member,
        before == nullptr ? "a member at the start of the file" : "a member right behind the one before",
        std::to_string(gap) + " bytes that are no member's");
  }
}

}  // namespace

ZipDirectory::ZipDirectory(const ByteSource& source) {
  const ZipEnd end = read_zip_end(source);
  if (end.bytes > largest_directory || end.entries > end.bytes / entry_bytes) {
    refuse_member(
        source, end.begin, {},
        "a directory of at most " + std::to_string(largest_directory) + " bytes, 46 or more an entry",
        std::to_string(end.bytes) + " bytes for " + std::to_string(end.entries) + " entries");
  }
  text_.resize(end.bytes);
  source.read_at(end.begin, std::as_writable_bytes(std::span{text_}));
  std::vector<Entry> entries = DirectoryParser{source, end, text_}.parse();
  header_bytes_ = end.bytes + end.record_bytes;

  std::ranges::sort(entries, {}, &Entry::local);
  std::uint64_t at = 0;
  const Entry* before = nullptr;
  for (Entry& entry : entries) {
    check_cover(source, at, entry.local, before, entry.member.name);
    const std::uint64_t header = LocalHeader{source, entry, end.begin}.check();
    header_bytes_ += header;
    entry.member.begin = entry.local + header;
    at = entry.member.begin + entry.member.size;
    before = &entry;
  }
  check_cover(source, at, end.begin, before, "the directory");

  std::ranges::sort(entries, {}, [](const Entry& entry) { return entry.member.name; });
  const auto twice = std::ranges::adjacent_find(
      entries, [](const Entry& a, const Entry& b) { return a.member.name == b.member.name; });
  if (twice != entries.end())
    refuse_member(source, std::max(twice->local, (twice + 1)->local), twice->member.name, "every member once",
                  "it twice");
  members_.reserve(entries.size());
  for (const Entry& entry : entries) members_.push_back(entry.member);
}

const ZipMember* ZipDirectory::find(std::string_view name) const noexcept {
  const auto found = std::ranges::lower_bound(members_, name, {}, &ZipMember::name);
  return found != members_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace ditmill::registry
