#include "registry/byte_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>

#include "configs/error.h"
#include "registry/checked.h"
#include "tests/jobs/temp_folder.h"

namespace ditmill::registry {
namespace {

namespace fs = std::filesystem;
using tests::TempFolder;

std::string contents(const ByteSource& source) {
  std::string text(source.size(), '\0');
  source.read_at(0, std::as_writable_bytes(std::span{text}));
  return text;
}

/// The error of opening a path; reports success as a failure of the test.
std::optional<Error> opening(const std::string& path) {
  try {
    open_file(path);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "opened " << path;
  return std::nullopt;
}

TEST(OpenFile, ReadsRegularFilesThroughLinks) {
  const TempFolder folder;
  folder.write("blob", "weights");
  fs::create_symlink("blob", folder / "model.safetensors");
  EXPECT_EQ(contents(*open_file(folder / "blob")), "weights");
  EXPECT_EQ(contents(*open_file(folder / "model.safetensors")), "weights");
}

TEST(OpenFile, TakesPatternCharactersAsThemselves) {
  const TempFolder folder;
  for (const char* name : {"a[1].safetensors", "*.safetensors", "?", "{a,b}", "a b\n"}) {
    folder.write(name, name);
    EXPECT_EQ(contents(*open_file(folder / name)), name);
  }
}

TEST(OpenFile, AcceptsPathsThatAreNotUtf8) {
  const TempFolder folder;
  EXPECT_EQ(contents(*open_file(folder.write("\xff\xfe", "x"))), "x");
}

TEST(OpenFile, RefusesWhatIsNoRegularFileWithoutBlocking) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  fs::create_symlink("fifo", folder / "to_fifo");
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("nowhere", folder / "broken");
  folder.write("file", "x");
  const struct {
    std::string path;
    Category category;
    const char* words;
  } rows[] = {
      {folder / "fifo", Category::bad_input, "a named pipe"},
      {folder / "to_fifo", Category::bad_input, "a named pipe"},
      {folder.path(), Category::bad_input, "a folder"},
      {"/dev/null", Category::bad_input, "a device"},
      {folder / "loop", Category::bad_input, "leads to itself"},
      {folder / "broken", Category::not_found, "a symbolic link to nothing"},
      {folder / "missing", Category::not_found, "No such file"},
      {folder / "file/below", Category::not_found, "Not a directory"},
      {folder / std::string(300, 'n'), Category::not_found, "too long"},
      {"", Category::not_found, "No such file"},
  };
  for (const auto& row : rows) {
    const std::optional<Error> error = opening(row.path);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->category(), row.category) << error->what();
    EXPECT_EQ(error->where().file, row.path);
    EXPECT_THAT(error->what(), testing::HasSubstr(row.words));
    EXPECT_EQ(exit_code(error->category()), 1);
  }
}

TEST(OpenFile, DoesNotTakeAPathWithANulForAnother) {
  const TempFolder folder;
  folder.write("file", "x");
  const std::optional<Error> error = opening(folder / std::string("file\0tail", 9));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->category(), Category::not_found);
}

TEST(ByteSource, RefusesBytesThatAreNotThere) {
  const TempFolder folder;
  const std::string text = "0123456789";
  const std::string path = folder.write("file", text);
  const auto file = open_file(path);
  const auto memory = memory_source("memory", std::as_bytes(std::span{text}));
  for (const ByteSource* source : {file.get(), memory.get()}) {
    char two[2];
    const auto out = std::as_writable_bytes(std::span{two});
    source->read_at(8, out);
    EXPECT_EQ(std::string(two, 2), "89");
    for (const std::uint64_t offset : {std::uint64_t{9}, std::uint64_t{11}, ~std::uint64_t{0}}) {
      try {
        source->read_at(offset, out);
        ADD_FAILURE() << "read at " << offset;
      } catch (const Error& error) {
        EXPECT_EQ(error.category(), Category::io);
        EXPECT_EQ(error.where().offset, offset);
        EXPECT_EQ(error.where().file, source->label());
      }
    }
  }
}

TEST(ByteSource, NoticesAFileThatShrank) {
  const TempFolder folder;
  const std::string path = folder.write("file", "0123456789");
  const auto source = open_file(path);
  fs::resize_file(path, 4);
  EXPECT_THROW(contents(*source), Error);
}

TEST(ReadText, RefusesMoreThanItsLimit) {
  const TempFolder folder;
  const std::string path = folder.write("config.json", "12345");
  EXPECT_EQ(read_text(path, 5), "12345");
  EXPECT_THROW(read_text(path, 4), Error);
}

TEST(FileStamp, ChangesWithTheFile) {
  const TempFolder folder;
  const std::string path = folder.write("file", "1");
  const FileStamp first = file_stamp(path);
  EXPECT_EQ(first, file_stamp(path));
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours{1});
  EXPECT_NE(first, file_stamp(path));
}

TEST(UniqueFd, ClosesOnceAndMoves) {
  UniqueFd first{::dup(0)};
  const int number = first.get();
  UniqueFd second{std::move(first)};
  EXPECT_EQ(second.get(), number);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the moved-from state is what is tested
  second = UniqueFd{};
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(Checked, SaysWhenArithmeticWraps) {
  constexpr std::uint64_t most = ~std::uint64_t{0};
  EXPECT_EQ(checked_add(most - 1, 1), most);
  EXPECT_EQ(checked_add(most, 1), std::nullopt);
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1),
            most - (std::uint64_t{1} << 32) + 1);
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
}

}  // namespace
}  // namespace ditmill::registry
