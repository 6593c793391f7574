#include "jobs/results/export/tar.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "configs/error.h"

namespace ditmill::jobs::results {
namespace {

constexpr std::uint64_t block = 512;
constexpr std::size_t longest_name = 100;
constexpr std::uint64_t largest_octal = std::uint64_t{1} << 33;  // eleven digits

std::uint64_t padded(std::uint64_t size) { return (size + block - 1) / block * block; }

void put(std::array<char, block>& header, std::size_t at, std::string_view text) {
  std::memcpy(header.data() + at, text.data(), text.size());
}

/// Octal digits and a NUL, `width` bytes in all.
void put_octal(std::array<char, block>& header, std::size_t at, std::size_t width, std::uint64_t value) {
  for (std::size_t i = width - 1; i-- > 0; value >>= 3) header[at + i] = static_cast<char>('0' + (value & 7));
}

/// POSIX.1-2001, pax: ustar Interchange Format.
std::array<char, block> header_of(std::string_view name, std::uint64_t size, char type) {
  std::array<char, block> header{};
  put(header, 0, name.substr(0, longest_name));
  put_octal(header, 100, 8, 0644);
  put_octal(header, 108, 8, 0);
  put_octal(header, 116, 8, 0);
  put_octal(header, 124, 12, size);
  put_octal(header, 136, 12, 0);
  put(header, 148, "        ");
  header[156] = type;
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  std::uint64_t sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put_octal(header, 148, 7, sum);
  return header;
}

/// "30 path=...\n": its length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) length = rest + std::to_string(length).size();
  std::string record = std::to_string(length) + " ";
  record += key;
  record += "=";
  record += value;
  return record + "\n";
}

/// What the ustar header has no room for.
std::string pax_of(std::string_view name, std::uint64_t size) {
  std::string records;
  if (name.size() > longest_name) records += pax_record("path", name);
  if (size >= largest_octal) records += pax_record("size", std::to_string(size));
  return records;
}

}  // namespace

TarWriter::TarWriter(std::string path)
    : path_(std::move(path)),
      temp_(path_ + std::string{durable::temp_suffix}),
      file_(durable::File::open(temp_, O_WRONLY | O_CREAT | O_TRUNC)) {}

TarWriter::~TarWriter() {
  if (!finished_) ::unlink(temp_.c_str());
}

std::uint64_t TarWriter::bytes_of(std::string_view name, std::uint64_t size) {
  const std::string pax = pax_of(name, size);
  return (pax.empty() ? 0 : block + padded(pax.size())) + block + padded(size);
}

void TarWriter::begin(std::string_view name, std::uint64_t size) {
  require_whole_member();
  const auto append_header = [this](const std::array<char, block>& header) {
    append({header.data(), header.size()});
  };
  if (const std::string pax = pax_of(name, size); !pax.empty()) {
    append_header(header_of("pax", pax.size(), 'x'));
    append(pax);
    append(std::string(padded(pax.size()) - pax.size(), '\0'));
  }
  append_header(header_of(name, size < largest_octal ? size : 0, '0'));
  left_ = size;
}

void TarWriter::write(std::span<const std::byte> bytes) {
  if (bytes.size() > left_) {
    throw Error(Category::internal, "write a tar file", Where{.file = temp_},
                Expected{std::to_string(left_) + " bytes"}, Got{std::to_string(bytes.size())});
  }
  left_ -= bytes.size();
  append({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (left_ == 0) append(std::string(padded(size_) - size_, '\0'));
}

void TarWriter::add(std::string_view name, std::string_view bytes) {
  begin(name, bytes.size());
  write(std::as_bytes(std::span(bytes)));
}

void TarWriter::finish() {
  require_whole_member();
  append(std::string(2 * block, '\0'));
  file_.close();
  durable::publish(temp_, path_);
  finished_ = true;
}

void TarWriter::append(std::string_view bytes) {
  file_.write(bytes);
  size_ += bytes.size();
}

void TarWriter::require_whole_member() const {
  if (left_ > 0) {
    throw Error(Category::internal, "write a tar file", Where{.file = temp_},
                Expected{std::to_string(left_) + " bytes more"}, Got{"the end of the member"});
  }
}

}  // namespace ditmill::jobs::results
