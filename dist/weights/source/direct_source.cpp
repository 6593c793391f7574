#include "dist/weights/source/direct_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "configs/error.h"
#include "dist/weights/source/load_work.h"

namespace ditmill::dist {
namespace {

class DirectSource final : public registry::ByteSource {
 public:
  DirectSource(std::unique_ptr<registry::ByteSource> buffered, registry::UniqueFd fd)
      : buffered_(std::move(buffered)), fd_(std::move(fd)) {}

  const std::string& label() const noexcept override { return buffered_->label(); }
  std::uint64_t size() const noexcept override { return buffered_->size(); }

  void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    const auto address = reinterpret_cast<std::uintptr_t>(out.data());
    std::size_t done = 0;
    if (offset % page_bytes == 0 && address % page_bytes == 0 && !refused_) done = read_pages(offset, out);
    // The end of a file that ends within a page, and whatever the system would not give.
    if (done < out.size()) buffered_->read_at(offset + done, out.subspan(done));
  }

 private:
  std::size_t read_pages(std::uint64_t offset, std::span<std::byte> out) const {
    const std::size_t whole = out.size() / page_bytes * page_bytes;
    std::size_t done = 0;
    while (done < whole) {
      const ssize_t got =
          ::pread(fd_.get(), out.data() + done, whole - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EINVAL) {
        refused_ = true;
        break;
      }
      if (got < 0)
        throw system_error(errno, "read bytes of a file", Where{.file = label(), .offset = offset + done});
      if (got == 0) break;  // said by the buffered read, which comes next
      done += static_cast<std::size_t>(got);
      if (static_cast<std::size_t>(got) % page_bytes != 0) break;
    }
    return done;
  }

  std::unique_ptr<registry::ByteSource> buffered_;
  registry::UniqueFd fd_;
  mutable std::atomic<bool> refused_ = false;
};

}  // namespace

std::unique_ptr<registry::ByteSource> open_direct(const std::string& path) {
  std::unique_ptr<registry::ByteSource> buffered = registry::open_file(path);
  registry::UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT)};
  if (!fd) return buffered;
  return std::make_unique<DirectSource>(std::move(buffered), std::move(fd));
}

}  // namespace ditmill::dist
