#include "registry/formats/torch/zip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace ditmill::registry {
namespace {

constexpr std::uint64_t in_zip64 = 0xffffffff;
constexpr std::uint64_t entries_in_zip64 = 0xffff;
constexpr std::uint64_t version_plain = 20;
constexpr std::uint64_t version_zip64 = 45;
constexpr std::uint64_t first_of_january_1980 = 0x21;
constexpr std::uint64_t zip64_field_id = 0x0001;
constexpr std::uint64_t padding_field_id = 0x4246;  // "FB"
constexpr std::uint64_t member_alignment = 64;
constexpr std::uint64_t local_header_bytes = 30;
constexpr std::uint64_t crc_offset = 14;  // of a local header
constexpr std::uint64_t field_header = 4;

/// Bytes of a record of the archive.
class ZipRecord {
 public:
  explicit ZipRecord(std::string_view signature) : text_(signature) {}

  ZipRecord& number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  ZipRecord& text(std::string_view more) {
    text_ += more;
    return *this;
  }
  const std::string& bytes() const noexcept { return text_; }

 private:
  std::string text_;
};

std::uint64_t capped(std::uint64_t value) { return std::min(value, in_zip64); }

/// The fields that local header and directory begin with alike.
void add_common(ZipRecord& record, bool zip64, std::uint32_t crc, std::uint64_t size) {
  record.number(zip64 ? version_zip64 : version_plain, 2).number(0, 2).number(0, 2);
  record.number(0, 2).number(first_of_january_1980, 2).number(crc, 4);
  record.number(capped(size), 4).number(capped(size), 4);
}

}  // namespace

void ZipWriter::begin(std::string name, std::uint64_t size) {
  end_member();
  const bool zip64 = size >= in_zip64;
  ZipRecord extra{""};
  if (zip64) extra.number(zip64_field_id, 2).number(16, 2).number(size, 8).number(size, 8);
  const std::uint64_t end =
      file_.size() + local_header_bytes + name.size() + extra.bytes().size() + field_header;
  const std::uint64_t padding = (member_alignment - end % member_alignment) % member_alignment;
  extra.number(padding_field_id, 2).number(padding, 2).text(std::string(padding, 'Z'));

  ZipRecord header{"PK\x03\x04"};
  add_common(header, zip64, 0, size);  // its CRC-32 is written once it is known
  header.number(name.size(), 2).number(extra.bytes().size(), 2).text(name).text(extra.bytes());
  members_.push_back({.name = std::move(name), .size = size, .local = file_.size()});
  file_.write(header.bytes());
}

void ZipWriter::put(std::span<const std::byte> bytes) {
  Member& member = members_.back();
  member.crc = static_cast<std::uint32_t>(
      ::crc32_z(member.crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  file_.write(bytes);
}

void ZipWriter::zeros(std::uint64_t bytes) {
  // Doubling: the CRC-32 of any number of zeros without reading them.
  constexpr std::array<Bytef, 1> zero{};
  auto run = ::crc32_z(0, zero.data(), zero.size());
  Member& member = members_.back();
  uLong crc = member.crc;
  for (std::uint64_t length = 1; length <= bytes; length *= 2) {
    if ((bytes & length) != 0) crc = ::crc32_combine(crc, run, static_cast<z_off_t>(length));
    run = ::crc32_combine(run, run, static_cast<z_off_t>(length));
  }
  member.crc = static_cast<std::uint32_t>(crc);
  file_.skip(bytes);
}

void ZipWriter::add(std::string name, std::string_view text) {
  begin(std::move(name), text.size());
  put(std::as_bytes(std::span{text}));
}

void ZipWriter::end_member() {
  if (members_.empty()) return;
  const ZipRecord crc = ZipRecord{""}.number(members_.back().crc, 4);
  file_.write_at(members_.back().local + crc_offset, std::as_bytes(std::span{crc.bytes()}));
}

void ZipWriter::finish() {
  end_member();
  const std::uint64_t begin = file_.size();
  for (const Member& member : members_) {
    ZipRecord extra{""};
    if (member.size >= in_zip64) extra.number(member.size, 8).number(member.size, 8);
    if (member.local >= in_zip64) extra.number(member.local, 8);
    const std::uint64_t in_extra = extra.bytes().size();
    ZipRecord entry{"PK\x01\x02"};
    entry.number(in_extra > 0 ? version_zip64 : version_plain, 2);
    add_common(entry, in_extra > 0, member.crc, member.size);
    entry.number(member.name.size(), 2).number(in_extra > 0 ? in_extra + field_header : 0, 2);
    // No comment, the first disk, no attributes.
    entry.number(0, 2).number(0, 2).number(0, 2).number(0, 4).number(capped(member.local), 4);
    entry.text(member.name);
    if (in_extra > 0) entry.number(zip64_field_id, 2).number(in_extra, 2).text(extra.bytes());
    file_.write(entry.bytes());
  }
  const std::uint64_t end = file_.size();
  const std::uint64_t count = members_.size();
  if (begin >= in_zip64 || end - begin >= in_zip64 || count >= entries_in_zip64) {
    ZipRecord zip64{"PK\x06\x06"};
    zip64.number(44, 8).number(version_zip64, 2).number(version_zip64, 2).number(0, 4).number(0, 4);
    zip64.number(count, 8).number(count, 8).number(end - begin, 8).number(begin, 8);
    ZipRecord locator{"PK\x06\x07"};
    file_.write(zip64.bytes());
    file_.write(locator.number(0, 4).number(end, 8).number(1, 4).bytes());
  }
  const std::uint64_t small_count = std::min(count, entries_in_zip64);
  ZipRecord last{"PK\x05\x06"};
  last.number(0, 2).number(0, 2).number(small_count, 2).number(small_count, 2);
  file_.write(last.number(capped(end - begin), 4).number(capped(begin), 4).number(0, 2).bytes());
}

}  // namespace ditmill::registry
