#include "jobs/engine/loading/text_stage.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "dist/comm/agree.h"
#include "dist/parallel_context.h"
#include "tests/jobs/temp_folder.h"
#include "tests/mpi/mpi_test.h"

namespace ditmill::jobs {
namespace {

using dist::mpi_test::expect_same_everywhere;
using dist::mpi_test::world;

constexpr std::int64_t width = 6;

/// A row a byte of text, that tells it, and a token cut for each 'x'; what begins with "bad" cannot be
/// encoded.
class ByteEncoder final : public models::TextEncoder {
 public:
  explicit ByteEncoder(at::ScalarType type = at::kFloat) : type_(type) {}

  static at::Tensor rows(const std::string& text, at::ScalarType type) {
    at::Tensor embedding = at::zeros({static_cast<std::int64_t>(text.size()), width}, type);
    for (std::size_t i = 0; i < text.size(); ++i) {
      embedding[static_cast<std::int64_t>(i)].fill_(static_cast<double>(text[i]));
    }
    return embedding;
  }

  models::EncodedText encode(const models::TextTask& task) override {
    ++encoded;
    const std::string& text = task.text;
    if (text.starts_with("bad")) throw Error{Category::numeric, "encode the text", {}, {}, Got{text}};
    if (text.starts_with("fatal")) throw Error{Category::device, "encode the text", {}, {}, Got{text}};
    const std::int64_t cut = std::count(text.begin(), text.end(), 'x');
    return {.tensors = {{"rows", rows(text, type_)}, {"mask", at::ones({3}, at::kFloat)}},
            .tokens = static_cast<std::int64_t>(text.size()) + cut,
            .tokens_cut = cut};
  }
  std::uint64_t embedding_bytes(const models::TextTask& task) override {
    const std::string& text = task.text;
    return text.starts_with("vast") ? std::uint64_t{1} << 60 : text.size() * width * at::elementSize(type_);
  }

  int encoded = 0;

 private:
  at::ScalarType type_;
};

models::TextTask task(const std::string& text) { return {"text_encoder", text}; }

class TextStage : public testing::Test {
 protected:
  void SetUp() override {
    const bool leads = world().rank() == 0;
    if (leads) own_.emplace();
    path_ = world().broadcast_text(leads ? own_->path() + "/spool/e0001" : "", 0, dist::Purpose::plan);
    if (leads) folder_.emplace(path_);
    world().barrier(dist::Purpose::plan);
  }
  void TearDown() override { world().barrier(dist::Purpose::plan); }

  engine::TextSpool spool(models::TextEncoder& encoder, const std::vector<std::string>& texts) {
    const dist::ParallelContext parallel(dist::Mesh(world().size(), {}), world());
    std::vector<models::TextTask> tasks;
    for (const std::string& text : texts) {
      if (world().rank() == 0) tasks.push_back(task(text));
    }
    return engine::encode_texts(world(), parallel, encoder, tasks, path_,
                                {.tell = [](std::string_view) {}, .wait = {}, .abandon = {}, .hold = {}});
  }

  std::optional<tests::TempFolder> own_;
  std::string path_;
  std::optional<engine::SpoolFolder> folder_;
};

std::vector<std::string> many(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back("text " + std::to_string(i));
  return texts;
}

TEST_F(TextStage, EveryRankReadsWhatAnyRankEncoded) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    SetUp();
    ByteEncoder encoder{type};
    std::vector<std::string> texts = many(41);
    texts.insert(texts.end(), {"雨の夜", std::string(100'000, 'x')});
    const engine::TextSpool spooled = spool(encoder, texts);
    EXPECT_EQ(spooled.size(), texts.size());
    for (const std::string& text : texts) {
      const auto [tensors, tokens, cut] = spooled.read(task(text));
      const at::Tensor& embedding = tensors.at("rows");
      EXPECT_TRUE(at::equal(tensors.at("mask"), at::ones({3}, at::kFloat)));
      EXPECT_EQ(cut, std::count(text.begin(), text.end(), 'x'));
      EXPECT_EQ(tokens, embedding.size(0) + cut);
      EXPECT_EQ(embedding.scalar_type(), type);
      EXPECT_TRUE(at::equal(embedding, ByteEncoder::rows(text, type))) << text.substr(0, 20);
    }
    TearDown();
    folder_.reset();
  }
}

TEST_F(TextStage, RanksShareTheWorkEqually) {
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{1024}, std::size_t{2500}}) {
    SetUp();
    ByteEncoder encoder;
    EXPECT_EQ(spool(encoder, many(count)).size(), count);
    const auto ranks = static_cast<std::size_t>(world().size());
    const auto rank = static_cast<std::size_t>(world().rank());
    EXPECT_EQ(static_cast<std::size_t>(encoder.encoded), count / ranks + (rank < count % ranks ? 1 : 0));
    TearDown();
    folder_.reset();
  }
}

TEST_F(TextStage, ATextThatFailsIsStoredWithItsError) {
  ByteEncoder encoder;
  const engine::TextSpool spooled = spool(encoder, {"good", "bad one", "fine"});
  EXPECT_EQ(spooled.read(task("good")).tensors.at("rows").size(0), 4);
  EXPECT_EQ(spooled.read(task("fine")).tensors.at("rows").size(0), 4);
  try {
    spooled.read(task("bad one"));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::numeric);
    EXPECT_EQ(error.got(), "bad one");
  }
}

TEST_F(TextStage, WhatEndsTheJobEndsItOnAllRanks) {
  ByteEncoder encoder;
  try {
    spool(encoder, {"a", "b", "c", "fatal"});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    expect_same_everywhere(dist::to_text(error));
    EXPECT_EQ(error.category(), Category::device);
  }
}

TEST_F(TextStage, RefusesBeforeEncodingWhatTheDiskHasNoRoomFor) {
  ByteEncoder encoder;
  try {
    spool(encoder, {"a", "vast", "b"});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    expect_same_everywhere(dist::to_text(error));
    EXPECT_EQ(error.category(), Category::no_space);
    EXPECT_THAT(error.what(), testing::HasSubstr(path_));
    EXPECT_EQ(encoder.encoded, 0);
  }
}

TEST_F(TextStage, WhatIsReadIsWhatWasWritten) {
  ByteEncoder encoder;
  const engine::TextSpool spooled = spool(encoder, many(8));
  world().barrier(dist::Purpose::plan);
  if (world().rank() == 0) {
    std::fstream file(engine::TextSpool::file_name(path_, 0),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5).put('!');
  }
  world().barrier(dist::Purpose::plan);
  try {
    spooled.read(task("text 0"));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::io);
    EXPECT_THAT(error.where().file, testing::HasSubstr("r00000"));
  }
  EXPECT_THROW(spooled.read(task("another text")), Error);
}

TEST_F(TextStage, TheFolderGoesWithItsOwner) {
  ByteEncoder encoder;
  spool(encoder, many(5));
  world().barrier(dist::Purpose::plan);
  folder_.reset();
  world().barrier(dist::Purpose::plan);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(path_).parent_path()));
}

}  // namespace
}  // namespace ditmill::jobs
