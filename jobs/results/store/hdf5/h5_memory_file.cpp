#include "jobs/results/store/hdf5/h5_memory_file.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace ditmill::jobs::results::h5 {
namespace {

constexpr std::size_t growth = std::size_t{4} << 20;

// The superblock of versions 2 and 3 (HDF5 File Format Specification, II.A): where the file ends.
constexpr std::size_t version_at = 8;
constexpr std::size_t size_of_offsets_at = 9;
constexpr std::size_t end_of_file_at = 28;
constexpr std::size_t superblock_size = 48;

void* same(void* self) { return self; }
herr_t keep(void*) { return 0; }

}  // namespace

void* Buffer::reserve(std::size_t size) noexcept {
  if (size <= size_) return bytes_.get();
  const std::size_t wanted = std::max(size, 2 * size_);  // untouched pages cost nothing
  void* grown = std::realloc(bytes_.get(), wanted);
  if (grown == nullptr) return nullptr;
  static_cast<void>(bytes_.release());
  bytes_.reset(grown);
  size_ = wanted;
  return grown;
}

void* MemoryFile::allocate(std::size_t size, H5FD_file_image_op_t /*operation*/, void* memory) {
  return static_cast<Buffer*>(memory)->reserve(size);
}

void* MemoryFile::resize(void*, std::size_t size, H5FD_file_image_op_t operation, void* memory) {
  return allocate(size, operation, memory);
}

herr_t MemoryFile::release(void*, H5FD_file_image_op_t, void*) { return 0; }

MemoryFile::MemoryFile(std::string label, Buffer& memory) : label_(std::move(label)), memory_(memory) {
  const Properties access = file_access(label_);
  call<H5Pset_fapl_core>("prepare an HDF5 file", label_, access.get(), growth, hbool_t{false});
  H5FD_file_image_callbacks_t callbacks{allocate, nullptr, resize, release, same, keep, &memory_};
  call<H5Pset_file_image_callbacks>("prepare an HDF5 file", label_, access.get(), &callbacks);
  file_ = File(call<H5Fcreate>("create an HDF5 file", label_, label_.c_str(),
                               static_cast<unsigned>(H5F_ACC_EXCL), H5P_DEFAULT, access.get()));
}

std::uint64_t MemoryFile::size() const {
  hsize_t size = 0;
  call<H5Fget_filesize>("ask for a file's size", label_, file_.get(), &size);
  return size;
}

std::string_view MemoryFile::finish() {
  file_.close("close an HDF5 file", label_);
  const auto* bytes = static_cast<const char*>(memory_.data());
  std::uint64_t size = 0;
  if (bytes != nullptr && memory_.size() >= superblock_size && bytes[version_at] >= 2 &&
      bytes[size_of_offsets_at] == sizeof size) {
    for (std::size_t i = sizeof size; i-- > 0;) {
      size = size << 8 | static_cast<unsigned char>(bytes[end_of_file_at + i]);
    }
  }
  if (size < superblock_size || size > memory_.size()) {
    throw Error(Category::internal, "close an HDF5 file", Where{.file = label_},
                Expected{"a superblock that tells its size"}, Got{std::to_string(size) + " bytes"});
  }
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace ditmill::jobs::results::h5
