#include "dist/weights/source/file_map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <random>

#include "configs/error.h"
#include "dist/weights/source/load_work.h"
#include "registry/byte_source.h"

namespace ditmill::dist {
namespace {

constexpr std::size_t samples = 256;

// f_type of statfs(2), as linux/magic.h and the systems' own sources have them.
constexpr std::array<std::uint32_t, 15> remote_types{
    0x6969,      // NFS
    0x0BD00BD0,  // Lustre
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB2
    0x517B,      // SMB
    0x00C36400,  // Ceph
    0x47504653,  // GPFS
    0x65735546,  // FUSE
    0x01021997,  // 9P
    0x5346414F,  // AFS
    0x19830326,  // BeeGFS
    0xAAD7AAEA,  // PanFS
    0x7461636F,  // OCFS2
    0x01161970,  // GFS2
    0x794C7630,  // overlay, which may lie on any of these
};

}  // namespace

std::shared_ptr<const FileMap> FileMap::open(const std::string& path) {
  const registry::FileStamp stamp = registry::file_stamp(path);
  if (stamp.size == 0) return std::shared_ptr<const FileMap>{new FileMap{path, {}, {}}};
  registry::UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) throw system_error(errno, "map weights", Where{.file = path});
  void* data = ::mmap(nullptr, stamp.size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) throw system_error(errno, "map weights", Where{.file = path});
  return std::shared_ptr<const FileMap>{new FileMap{
      path, {static_cast<const std::byte*>(data), static_cast<std::size_t>(stamp.size)}, std::move(fd)}};
}

FileMap::~FileMap() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void FileMap::populate(std::size_t from, std::size_t length) const {
  if (from >= bytes_.size()) return;
  const std::size_t begin = from / page_bytes * page_bytes;
  const std::size_t end = std::min(bytes_.size(), from + length);
#ifdef MADV_POPULATE_READ
  if (::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_POPULATE_READ) == 0) return;
  // Older systems do not know it; what then follows a truncation is SIGBUS.
  if (errno != EFAULT && errno != EHWPOISON) return;
  throw Error{
      Category::io,
      "read a mapped file",
      Where{.file = path_, .offset = from},
      Expected{std::to_string(end - from) + " bytes from here"},
      Got{"a file of " + std::to_string(size_now()) + " bytes, or a disk that does not give them"},
      "has the file been changed since it was opened? If not, the system's log says what the disk did"};
#else
  ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_WILLNEED);
#endif
}

std::uint64_t FileMap::size_now() const noexcept {
  struct stat found {};
  return ::fstat(fd_.get(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

void FileMap::let_go(std::size_t from, std::size_t length) const noexcept {
  const std::size_t begin = (from + page_bytes - 1) / page_bytes * page_bytes;
  const std::size_t end = std::min(bytes_.size(), from + length) / page_bytes * page_bytes;
  if (begin < end) ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
}

bool FileMap::is_there(std::size_t page, bool asks) const noexcept {
  if (asks) {
    unsigned char there = 0;
    auto* const address = const_cast<std::byte*>(bytes_.data()) + page * page_bytes;
    return ::mincore(address, 1, &there) == 0 && (there & 1) != 0;
  }
  std::byte byte{};
  iovec into{.iov_base = &byte, .iov_len = 1};
  return ::preadv2(fd_.get(), &into, 1, static_cast<off_t>(page * page_bytes), RWF_NOWAIT) == 1;
}

double FileMap::cached() const {
  const std::size_t pages = (bytes_.size() + page_bytes - 1) / page_bytes;
  if (pages == 0) return 1;
  // Of files that are another's, and not to be written to, mincore() says that all of them is there. A read
  // of a page that is not has the system fetch it, and without advice what follows; among single pages it
  // caches the rest in small pieces, which take longer to map.
  struct stat found {};
  const bool mine = ::fstat(fd_.get(), &found) == 0 && found.st_uid == ::geteuid();
  const bool asks = mine || ::access(path_.c_str(), W_OK) == 0;
  ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_RANDOM);
  // Other pages each time: those of the last are there by now.
  std::minstd_rand random{std::random_device{}()};
  const std::size_t stride = std::max<std::size_t>(pages / samples, 1);
  std::size_t there = 0;
  for (std::size_t i = 0; i < samples; ++i)
    there += is_there(std::min(pages * i / samples + random() % stride, pages - 1), asks) ? 1 : 0;
  ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_NORMAL);
  return static_cast<double>(there) / static_cast<double>(samples);
}

bool is_remote(const std::string& path) {
  struct statfs found {};
  if (::statfs(path.c_str(), &found) != 0) return true;
  return std::ranges::find(remote_types, static_cast<std::uint32_t>(found.f_type)) != remote_types.end();
}

}  // namespace ditmill::dist
