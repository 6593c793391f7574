#include "dist/weights/tensors/tensor_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "configs/error.h"
#include "dist/comm/agree.h"
#include "dist/weights/source/load_work.h"
#include "registry/byte_source.h"

namespace ditmill::dist {
namespace {

constexpr const char* sharing = "share weights between the ranks of a machine";
constexpr const char* shared_folder = "/dev/shm";
constexpr std::size_t huge_page = std::size_t{2} << 20;

std::span<std::byte> map_memory(std::size_t bytes, int flags, int fd) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (data == MAP_FAILED) {
    throw Error{Category::memory,
                fd < 0 ? "make room for weights" : sharing,
                {},
                Expected{std::to_string(bytes) + " bytes"},
                Got{std::strerror(errno)},
                "give the job more memory a node, or fewer ranks a node"};
  }
  return {static_cast<std::byte*>(data), bytes};
}

Error no_room(std::size_t bytes) {
  return {Category::no_space,
          sharing,
          Where{.file = shared_folder},
          Expected{"room for " + std::to_string(bytes) + " bytes"},
          Got{std::to_string(TensorMemory::shared_room())},
          "containers often have 64 MB there: start them with a larger --shm-size (or mount the node's "
          "/dev/shm), or set pipeline.loading.strategy to broadcast"};
}

registry::UniqueFd open_shared(const std::string& name, int flags) {
  registry::UniqueFd fd{::shm_open(name.c_str(), flags | O_RDWR, 0600)};
  if (!fd && errno != EEXIST) throw system_error(errno, sharing, Where{.file = shared_folder + name});
  return fd;
}

/// A name that nobody uses, and its memory: containers that share the folder may have equal process ids.
std::pair<std::string, registry::UniqueFd> create_shared() {
  static std::atomic<unsigned> made = 0;
  while (true) {
    std::string name = "/ditmill-" + std::to_string(::getpid()) + "-" + std::to_string(made++);
    if (registry::UniqueFd fd = open_shared(name, O_CREAT | O_EXCL)) return {std::move(name), std::move(fd)};
  }
}

/// Has one rank's part of the pages made, so that a lack of room is an error here and no SIGBUS later.
void make_pages(int fd, std::size_t bytes, std::size_t index, std::size_t count) {
  const std::size_t pages = (bytes + page_bytes - 1) / page_bytes;
  const std::size_t from = pages * index / count * page_bytes;
  const std::size_t to = std::min(pages * (index + 1) / count * page_bytes, bytes);
  if (from >= to) return;
  int error = EINTR;
  while (error == EINTR)
    error = ::posix_fallocate(fd, static_cast<off_t>(from), static_cast<off_t>(to - from));
  if (error == ENOSPC) throw no_room(bytes);
  if (error != 0) throw system_error(error, sharing, Where{.file = shared_folder});
}

}  // namespace

std::shared_ptr<TensorMemory> TensorMemory::own(std::size_t bytes) {
  if (bytes == 0) return std::shared_ptr<TensorMemory>{new TensorMemory{{}}};
  const std::size_t whole = bytes >= huge_page ? (bytes + huge_page - 1) / huge_page * huge_page : bytes;
  const std::span<std::byte> memory = map_memory(whole, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
  ::madvise(memory.data(), memory.size(), MADV_HUGEPAGE);  // without them it is only slower
  return std::shared_ptr<TensorMemory>{new TensorMemory{memory}};
}

std::shared_ptr<TensorMemory> TensorMemory::shared(const Communicator& team, std::size_t bytes) {
  if (bytes == 0) return own(0);
  if (team.size() == 1) return own(bytes);
  std::string name;
  registry::UniqueFd fd;
  agree(team, [&] {
    if (team.rank() != 0) return;
    if (shared_room() < bytes) throw no_room(bytes);
    std::tie(name, fd) = create_shared();
  });
  name = team.broadcast_text(std::move(name), 0, Purpose::weights);
  std::optional<Error> failure = failure_of([&] {
    if (!fd) fd = open_shared(name, 0);
  });
  // All have it open or have failed to: from here on a crash leaves nothing.
  team.barrier(Purpose::weights);
  if (team.rank() == 0) ::shm_unlink(name.c_str());
  agree_on(team, failure);
  agree(team, [&] {
    if (team.rank() == 0 && ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
      throw system_error(errno, sharing, Where{.file = shared_folder});
  });
  std::shared_ptr<TensorMemory> memory;
  agree(team, [&] {
    make_pages(fd.get(), bytes, static_cast<std::size_t>(team.rank()), static_cast<std::size_t>(team.size()));
    memory.reset(new TensorMemory{map_memory(bytes, MAP_SHARED, fd.get())});
  });
  return memory;
}

std::size_t TensorMemory::shared_room() noexcept {
  struct statvfs found {};
  if (::statvfs(shared_folder, &found) != 0) return 0;
  return static_cast<std::size_t>(found.f_bavail) * found.f_frsize;
}

TensorMemory::~TensorMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace ditmill::dist
