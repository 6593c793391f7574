#include "tests/mpi/stream_failure.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "dist/weights/stream.h"
#include "registry/digest.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::dist {
namespace {

using mpi_test::failure;
using mpi_test::Files;
using mpi_test::make_files;
using mpi_test::three_tensors;
using mpi_test::world;
using registry::ElementType;
using registry::leaf_bytes;
using testing::AllOf;
using testing::HasSubstr;

TEST(StreamFailure, TellsAllRanksWhereAReadFailed) {
  for (const int chunk : {0, 2, 7}) {
    const Files files = three_tensors();
    const std::uint64_t at = static_cast<std::uint64_t>(chunk) * leaf_bytes + leaf_bytes * 3 / 4;
    const Error error = failure(
        world(), files.plan, mpi_test::watched(files, [&](std::uint64_t offset, std::span<std::byte> out) {
          if (at < offset || at >= offset + out.size()) return;
          throw Error{
              Category::io, "read", Where{.file = "/weights/0", .offset = at}, {}, Got{"Input/output error"}};
        }));
    EXPECT_EQ(error.category(), Category::io);
    EXPECT_EQ(error.where().file, "/weights/0");
    EXPECT_EQ(error.where().offset, at);
    EXPECT_EQ(error.where().tensor, chunk == 0 ? "first" : chunk == 2 ? "second" : "third");
    EXPECT_EQ(error.where().rank, 0);
    EXPECT_THAT(error.what(), HasSubstr("Input/output error"));
    EXPECT_EQ(error.hint(), "") << "the other ranks have nothing to add";
  }
}

TEST(StreamFailure, TellsAllRanksOfAnyExceptionOfASource) {
  const Files files = three_tensors();
  const Error error =
      failure(world(), files.plan, mpi_test::watched(files, [](std::uint64_t, std::span<std::byte>) {
                throw std::runtime_error("the words");
              }));
  EXPECT_EQ(error.category(), Category::internal);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("the words"), HasSubstr("/weights/0")));
}

TEST(StreamFailure, RefusesAFileThatIsNoLongerAsLongAsPlanned) {
  const Files files = three_tensors();
  for (const std::uint64_t size : {files.bytes[0].size() - 1, files.bytes[0].size() + 1}) {
    const Error error = failure(world(), files.plan,
                                mpi_test::watched(
                                    files, [](std::uint64_t, std::span<std::byte>) {}, size));
    EXPECT_EQ(error.category(), Category::bad_input);
    EXPECT_EQ(error.where().file, "/weights/0");
    EXPECT_THAT(error.expected(), HasSubstr(std::to_string(files.bytes[0].size()) + " bytes"));
    EXPECT_EQ(error.got(), std::to_string(size) + " bytes");
  }
}

TEST(StreamFailure, RefusesAFileThatCannotBeOpened) {
  const Files files = three_tensors();
  const Error error = failure(world(), files.plan, registry::open_file);
  EXPECT_EQ(error.category(), Category::not_found);
  EXPECT_THAT(error.what(), HasSubstr("/weights/0"));
}

TEST(StreamFailure, RefusesTypesItCannotConvertBeforeItReads) {
  const Files files = make_files({{{"ids", ElementType::i64, {4}}}}, 8);
  const Error error =
      failure(world(), files.plan,
              mpi_test::watched(files, [](std::uint64_t, std::span<std::byte>) { ADD_FAILURE() << "read"; }));
  EXPECT_EQ(error.category(), Category::unsupported);
  EXPECT_EQ(error.where().tensor, "ids");
}

/// A real file, planned with its stamp. Rank 0 owns it.
class StampedFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = std::filesystem::temp_directory_path() / "ditmill-stream-XXXXXX";
    if (world().rank() == 0 && mkdtemp(folder.data()) == nullptr) MpiSession::abort(1);
    folder_ = world().broadcast_text(folder, 0, Purpose::plan);
    path_ = folder_ + "/weights";
    files_.plan.files[0].path = path_;
    if (world().rank() == 0) {
      write();
      const registry::FileStamp stamp = registry::file_stamp(path_);
      files_.plan.files[0].mtime_ns = stamp.mtime_ns;
      files_.plan.files[0].inode = stamp.inode;
    }
  }
  void TearDown() override {
    if (world().rank() == 0) std::filesystem::remove_all(folder_);
  }

  void write() const {
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(files_.bytes[0].data()),
               static_cast<std::streamsize>(files_.bytes[0].size()));
  }
  /// Opens the true file; `before_read` is told of each read.
  OpenSource open(const mpi_test::BeforeRead& before_read) const {
    return [before_read](const std::string& path) -> std::unique_ptr<registry::ByteSource> {
      class Watching final : public registry::ByteSource {
       public:
        Watching(std::unique_ptr<registry::ByteSource> inner, mpi_test::BeforeRead watch)
            : inner_(std::move(inner)), watch_(std::move(watch)) {}
        const std::string& label() const noexcept override { return inner_->label(); }
        std::uint64_t size() const noexcept override { return inner_->size(); }
        void read_at(std::uint64_t offset, std::span<std::byte> out) const override {
          watch_(offset, out);
          inner_->read_at(offset, out);
        }

       private:
        std::unique_ptr<registry::ByteSource> inner_;
        mpi_test::BeforeRead watch_;
      };
      return std::make_unique<Watching>(registry::open_file(path), before_read);
    };
  }

  Files files_ = three_tensors();
  std::string folder_;
  std::string path_;
};

TEST_F(StampedFile, IsStreamedIfItHasNotChanged) {
  EXPECT_EQ(stream_component(world(), files_.plan, Mesh(world().size(), {})).tensors.size(), 3u);
}

TEST_F(StampedFile, IsRefusedIfItWasReplacedByOneOfTheSameSize) {
  if (world().rank() == 0) {
    std::filesystem::rename(path_, folder_ + "/old");
    write();
  }
  const Error error = failure(world(), files_.plan, registry::open_file);
  EXPECT_EQ(error.category(), Category::bad_input);
  EXPECT_THAT(error.what(), AllOf(HasSubstr(path_), HasSubstr("inode")));
}

TEST_F(StampedFile, IsRefusedIfItIsWrittenToWhileItIsRead) {
  const Error error =
      failure(world(), files_.plan, open([&](std::uint64_t offset, std::span<std::byte>) {
                if (offset != 4 * leaf_bytes) return;
                const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
                EXPECT_EQ(utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
              }));
  EXPECT_EQ(error.category(), Category::bad_input);
  EXPECT_THAT(error.what(), AllOf(HasSubstr(path_), HasSubstr("modified at")));
}

TEST_F(StampedFile, IsRefusedIfItIsTruncatedWhileItIsRead) {
  const Error error = failure(world(), files_.plan, open([&](std::uint64_t offset, std::span<std::byte>) {
                                if (offset == 3 * leaf_bytes)
                                  std::filesystem::resize_file(path_, 5 * leaf_bytes + 9);
                              }));
  EXPECT_EQ(error.category(), Category::io);
  EXPECT_EQ(error.where().file, path_);
  EXPECT_EQ(error.where().tensor, "third");
  EXPECT_EQ(error.where().rank, 0);
}

}  // namespace
}  // namespace ditmill::dist
