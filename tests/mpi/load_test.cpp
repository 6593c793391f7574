#include "dist/weights/load.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>

#include "configs/error.h"
#include "dist/weights/probe.h"
#include "dist/weights/source/file_map.h"
#include "dist/weights/tensors/tensor_memory.h"
#include "registry/digest.h"
#include "tests/jobs/temp_folder.h"
#include "tests/mpi/mpi_test.h"
#include "tests/mpi/stream_fixture.h"

namespace ditmill::dist {
namespace {

using configs::Strategy;
using mpi_test::Files;
using mpi_test::make_files;
using mpi_test::Wanted;
using mpi_test::world;
using registry::ElementType;
using registry::leaf_bytes;
using testing::HasSubstr;

constexpr std::array ways{Strategy::independent, Strategy::broadcast, Strategy::striped, Strategy::shared};

/// Files on a disk that all ranks see, where they can be mapped.
class OnDisk {
 public:
  explicit OnDisk(const Files& files) : plan(files.plan) {
    std::string folder;
    if (world().rank() == 0) {
      made_.emplace();
      folder = made_->path();
      for (std::size_t f = 0; f < files.bytes.size(); ++f) {
        std::ofstream out{folder + "/" + std::to_string(f), std::ios::binary};
        out.write(reinterpret_cast<const char*>(files.bytes[f].data()),
                  static_cast<std::streamsize>(files.bytes[f].size()));
      }
    }
    folder = world().broadcast_text(folder, 0, Purpose::plan);
    for (std::size_t f = 0; f < plan.files.size(); ++f) plan.files[f].path = folder + "/" + std::to_string(f);
  }
  ~OnDisk() { world().barrier(Purpose::agreement); }

  ComponentPlan plan;

 private:
  std::optional<tests::TempFolder> made_;
};

Files files_of_all_kinds(std::uint64_t header, configs::Dtype dtype) {
  std::vector<std::vector<Wanted>> wanted(2);
  constexpr std::array types{ElementType::bf16, ElementType::f32, ElementType::f16, ElementType::f64};
  for (int i = 0; i < 60; ++i) {
    const auto rows = static_cast<std::uint64_t>(4 * (i * 37 % 71));
    wanted[static_cast<std::size_t>(i) % 2].push_back(
        {"blocks." + std::to_string(i % 4) + ".t" + std::to_string(i),
         types[static_cast<std::size_t>(i / 3) % 4],
         {rows, 96}});
  }
  wanted[0].push_back({"large", ElementType::bf16, {3 * leaf_bytes / 64, 32}});
  wanted[1].push_back({"scalar", ElementType::f32, {}});
  wanted[1].push_back({"nothing", ElementType::f32, {4, 0}});
  Files files = make_files(wanted, header, dtype);
  files.plan.keep_float32 = {"blocks.1.t1", "blocks.3.t27", "scalar"};
  return files;
}

void expect_same(const StreamedComponent& got, const StreamedComponent& expected) {
  ASSERT_EQ(got.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    const at::Tensor& mine = got.tensors.at(name);
    ASSERT_EQ(mine.scalar_type(), tensor.scalar_type()) << name;
    ASSERT_EQ(mine.sizes(), tensor.sizes()) << name;
    ASSERT_TRUE(mine.is_contiguous()) << name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mine.data_ptr()) % tensor_alignment, 0U) << name;
    if (tensor.nbytes() > 0) {
      EXPECT_EQ(std::memcmp(mine.data_ptr(), tensor.data_ptr(), tensor.nbytes()), 0) << name;
    }
  }
  ASSERT_EQ(got.digests.size(), expected.digests.size());
  for (std::size_t f = 0; f < expected.digests.size(); ++f)
    EXPECT_EQ(got.digests[f].leaves, expected.digests[f].leaves);
  EXPECT_EQ(got.bytes, expected.bytes);
}

std::vector<Mesh> meshes() {
  const int ranks = world().size();
  std::vector<Mesh> meshes{Mesh(ranks, {})};
  if (ranks > 1) meshes.emplace_back(ranks, configs::ParallelConfig{.tp = ranks});
  if (ranks > 1) meshes.emplace_back(ranks, configs::ParallelConfig{.pp = ranks});
  if (ranks == 4) meshes.emplace_back(ranks, configs::ParallelConfig{.tp = 2});
  return meshes;
}

TEST(Load, GivesTheSameBitsWhateverTheStrategyMachinesAndLayout) {
  for (const auto& [header, dtype] :
       {std::pair{64, configs::Dtype::bfloat16}, std::pair{101, configs::Dtype::float32}}) {
    Files files = files_of_all_kinds(header, dtype);
    files.plan.rules = {{"large", {.dim = 0, .unit = 4}}};
    const OnDisk disk{files};
    for (const Mesh& mesh : meshes()) {
      const StreamedComponent expected = stream_component(world(), disk.plan, mesh);
      for (const bool one_machine : {true, false}) {
        const Nodes nodes{world(), one_machine ? "all" : std::to_string(world().rank() % 2)};
        for (const Strategy strategy : ways) {
          SCOPED_TRACE(configs::name(strategy));
          expect_same(load_component(nodes, disk.plan, mesh, {.strategy = strategy}), expected);
          // Of sources that cannot be mapped.
          expect_same(load_component(nodes, files.plan, mesh, {.strategy = strategy, .open = files.open()}),
                      expected);
        }
      }
    }
  }
}

TEST(Load, LeavesWholeTensorsInTheFilesPagesWhereTheyAreAligned) {
  const Nodes nodes{world(), "all"};
  const auto mapped = [&](std::uint64_t header) {
    OnDisk disk{make_files({{{"a", ElementType::bf16, {64, 32}}, {"b", ElementType::f32, {32}}}}, header)};
    disk.plan.rules = {{"a", {.dim = 0, .unit = 4}}};  // which no tp cuts
    const StreamedComponent loaded =
        load_component(nodes, disk.plan, Mesh(world().size(), {}), {.strategy = Strategy::shared});
    const LoadWork& work = loaded.work;
    EXPECT_EQ(work.shared_bytes + work.private_bytes, world().rank() == 0 ? 64U * 32 * 2 + 32 * 2 : 0)
        << "told once";
    EXPECT_EQ(work.private_bytes > 0, world().size() == 1) << "what one rank made is its own";
    return loaded.work.mapped_bytes;
  };
  EXPECT_EQ(mapped(128), world().rank() == 0 ? 64U * 32 * 2 : 0) << "b has another type than the layers want";
  EXPECT_EQ(mapped(136), 0U);
}

TEST(Load, LeavesTensorsInFilesThatOnlyTheDiskHas) {
  const Nodes nodes{world(), "all"};
  const OnDisk disk{make_files({{{"large", ElementType::bf16, {5 * leaf_bytes / 2}}}}, 128)};
  const Mesh mesh(world().size(), {});
  const StreamedComponent expected = stream_component(world(), disk.plan, mesh);
  for (const bool hash : {true, false}) {
    world().barrier(Purpose::agreement);
    if (world().rank() == 0) {
      const registry::UniqueFd fd{::open(disk.plan.files[0].path.c_str(), O_RDONLY | O_CLOEXEC)};
      ASSERT_EQ(::fsync(fd.get()), 0);
      ASSERT_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
      const auto map = FileMap::open(disk.plan.files[0].path);
      for (int asked = 0; asked < 3; ++asked) EXPECT_LT(map->cached(), 0.1) << "to ask changes nothing";
    }
    world().barrier(Purpose::agreement);
    StreamedComponent loaded =
        load_component(nodes, disk.plan, mesh, {.strategy = Strategy::shared, .hash = hash});
    EXPECT_EQ(loaded.work.mapped_bytes > 0, world().rank() == 0 && world().size() > 1);
    if (!hash) loaded.digests = expected.digests;
    expect_same(loaded, expected);
  }
}

TEST(Load, ProbesDisksAndLinksOfAllMachinesAlike) {
  if (world().size() < 2) return;
  const OnDisk disk{make_files({{{"large", ElementType::bf16, {5 * leaf_bytes / 2}}}}, 64)};
  const Rates rates =
      probe_rates(Nodes{world(), std::to_string(world().rank() % 2)}, disk.plan, registry::open_file);
  EXPECT_GT(rates.read_alone, 0);
  EXPECT_GT(rates.read_together, 0);
  EXPECT_GT(rates.link, 0);
  mpi_test::expect_same_everywhere(describe(rates));
}

TEST(Load, HasAsManyMachinesReadAsItIsTold) {
  if (world().size() < 2) return;
  const Files files = make_files({{{"large", ElementType::bf16, {5 * leaf_bytes / 2}}}}, 0);
  const Nodes nodes{world(), std::to_string(world().rank())};
  for (const int readers : {1, 2, 100}) {
    const StreamedComponent loaded =
        load_component(nodes, files.plan, Mesh(world().size(), {}),
                       {.strategy = Strategy::striped, .readers = readers, .open = files.open()});
    EXPECT_EQ(loaded.reading_machines, std::min(readers, nodes.count()));
  }
}

TEST(Load, DigestsEachChunkOnceAMachine) {
  const Files files = make_files({{{"large", ElementType::bf16, {5 * leaf_bytes / 2}}}}, 0);
  const Mesh mesh(world().size(), {});
  for (const bool one_machine : {true, false}) {
    const Nodes nodes{world(), one_machine ? "all" : std::to_string(world().rank())};
    const StreamedComponent loaded =
        load_component(nodes, files.plan, mesh, {.strategy = Strategy::shared, .open = files.open()});
    const auto mine = static_cast<std::int64_t>(loaded.work.verified_bytes);
    std::int64_t all = 0;
    for (const std::string& each : world().gather_text(std::to_string(mine), 0, Purpose::agreement))
      all += std::stoll(each);
    if (world().rank() == 0) {
      EXPECT_EQ(all, static_cast<std::int64_t>(files.bytes[0].size()) * nodes.count());
    }
  }
}

/// A file of two tensors of two chunks each.
Files first_and_last() {
  return make_files({{{"first", ElementType::bf16, {leaf_bytes}}, {"last", ElementType::bf16, {leaf_bytes}}}},
                    0);
}

/// On rank 1 with another bit in the last chunk.
Files as_rank_1_misreads(Files files) {
  if (world().rank() == 1) files.bytes[0][3 * leaf_bytes + 5] ^= std::byte{1};
  return files;
}

/// The error that all ranks throw. Collective.
std::string failure(const Nodes& nodes, const ComponentPlan& plan, const LoadOptions& options) {
  std::string text = "none";
  try {
    load_component(nodes, plan, Mesh(world().size(), {}), options);
  } catch (const Error& error) {
    text = error.what();
  }
  mpi_test::expect_same_everywhere(text);
  return text;
}

TEST(Load, EndsOnAllRanksWithTheErrorOfOne) {
  const Files files = first_and_last();
  const Nodes nodes{world(), "all"};
  for (const Strategy strategy : {Strategy::independent, Strategy::shared}) {
    const OpenSource broken = mpi_test::watched(files, [](std::uint64_t offset, std::span<std::byte>) {
      if (world().rank() != world().size() - 1 || offset < 2 * leaf_bytes) return;
      throw Error{Category::io, "read bytes of a file", {}, {}, Got{"Input/output error"}};
    });
    const std::string text = failure(nodes, files.plan, {.strategy = strategy, .open = broken});
    EXPECT_THAT(text, HasSubstr("Input/output error"));
    EXPECT_THAT(text, HasSubstr("last"));
    EXPECT_THAT(
        failure(nodes, files.plan, {.strategy = strategy, .open = mpi_test::watched(files, {}, leaf_bytes)}),
        HasSubstr("as when its header was read"));
    // The next load knows nothing of it.
    EXPECT_EQ(failure(nodes, files.plan, {.strategy = strategy, .open = files.open()}), "none");
  }
}

TEST(Load, NamesTheMachineThatReadsOtherBytes) {
  if (world().size() < 2) return;
  const Files files = first_and_last();
  const Nodes nodes{world(), std::to_string(world().rank())};
  const Files other = as_rank_1_misreads(files);
  const std::string text = failure(nodes, files.plan, {.strategy = Strategy::shared, .open = other.open()});
  EXPECT_THAT(text, HasSubstr("as rank 0's machine read them"));
  EXPECT_THAT(text, HasSubstr("byte " + std::to_string(3 * leaf_bytes)));
  EXPECT_THAT(text, HasSubstr("rank 1"));
  EXPECT_THAT(text, HasSubstr("last"));
}

TEST(Load, ReadsOnceMoreTheTensorsThatAMachineReadOtherwise) {
  if (world().size() < 2) return;
  const Files files = first_and_last();
  const Nodes nodes{world(), std::to_string(world().rank())};
  const Files other = as_rank_1_misreads(files);
  for (const Strategy strategy : {Strategy::independent, Strategy::shared}) {
    std::string told;
    std::set<std::uint64_t> again;  // chunks, in however many pieces they are read
    std::mutex mutex;               // threads read ahead
    const OpenSource mended = mpi_test::watched(files, [&](std::uint64_t offset, std::span<std::byte>) {
      const std::scoped_lock lock(mutex);
      again.insert(offset / leaf_bytes);
    });
    const LoadOptions options{
        .strategy = strategy,
        .open = [&](const std::string& path) { return told.empty() ? other.open()(path) : mended(path); },
        .read_again = [&](const Error& error) { told += error.what(); }};
    EXPECT_EQ(failure(nodes, files.plan, options), "none");
    EXPECT_THAT(told, HasSubstr("byte " + std::to_string(3 * leaf_bytes)));
    EXPECT_THAT(told, HasSubstr("rank 1"));
    EXPECT_EQ(again, (std::set<std::uint64_t>{2, 3})) << "the other tensor's chunks are as they were";
  }
}

/// The same files as blocks, which fsdp deals out.
Files in_blocks(Files files) {
  files.plan.layers = 4;
  files.plan.fsdp = true;
  for (const registry::WeightFile& file : files.plan.files) {
    for (const registry::TensorInfo& tensor : file.tensors) {
      if (!tensor.name.starts_with("blocks.")) continue;
      files.plan.rules[tensor.name] = {.stages = Stages::of_layer, .layer = tensor.name[7] - '0'};
    }
  }
  return files;
}

TEST(Load, MakesTheRightTensorsOfWhatIsReadOnceMore) {
  if (world().size() < 2) return;
  const Nodes apart{world(), std::to_string(world().rank())};
  const Nodes by_twos{world(), std::to_string(world().rank() % 2)};
  const Files all = files_of_all_kinds(101, configs::Dtype::bfloat16);
  std::vector<std::pair<Files, Mesh>> cases;
  for (const Mesh& mesh : meshes()) cases.emplace_back(all, mesh);
  cases.emplace_back(in_blocks(all), Mesh(world().size(), {.dp = {}, .ring = world().size()}));
  for (const auto& each : cases) {
    const auto& files = each.first;
    const auto& mesh = each.second;
    const StreamedComponent expected = stream_component(world(), files.plan, mesh, files.open());
    Files other = files;
    if (world().rank() == 1) {
      for (const std::size_t at : {5, 200}) other.bytes[0][at] ^= std::byte{64};
    }
    // Found only where rank 1 digests all that it reads.
    const auto flip_more = [&other] {
      if (world().rank() != 1) return;
      other.bytes[0].back() ^= std::byte{64};
      other.bytes[1][other.bytes[1].size() / 2] ^= std::byte{64};
    };
    const auto expect_mended = [&](const Nodes& nodes, Strategy strategy) {
      int times = 0;
      const StreamedComponent loaded = load_component(
          nodes, files.plan, mesh,
          {.strategy = strategy,
           .open = [&](const std::string& path) { return (times > 0 ? files : other).open()(path); },
           .read_again = [&](const Error&) { ++times; }});
      EXPECT_EQ(times, 1);
      expect_same(loaded, expected);
    };
    for (const Strategy strategy : {Strategy::independent, Strategy::shared}) {
      expect_mended(by_twos, strategy);
      flip_more();
      expect_mended(apart, strategy);
      flip_more();
    }
  }
}

TEST(Load, SaysWhereAMappedFileWasCut) {
  OnDisk disk{make_files({{{"a", ElementType::bf16, {leaf_bytes}}}}, 0)};
  const std::string path = disk.plan.files[0].path;
  const auto map = FileMap::open(path);
  world().barrier(Purpose::agreement);
  if (world().rank() == 0) std::filesystem::resize_file(path, leaf_bytes);
  world().barrier(Purpose::agreement);
  map->populate(0, leaf_bytes);
  try {
    map->populate(leaf_bytes, leaf_bytes);
    ADD_FAILURE() << "populated";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), Category::io);
    EXPECT_EQ(error.where().file, path);
    EXPECT_EQ(error.where().offset, leaf_bytes);
    EXPECT_THAT(error.what(), HasSubstr("a file of " + std::to_string(leaf_bytes) + " bytes"));
  }
}

TEST(TensorMemory, SaysThatSharedMemoryHasNoRoom) {
  std::string text = "none";
  try {
    TensorMemory::shared(world(), std::size_t{1} << 60);
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), world().size() > 1 ? Category::no_space : Category::memory);
    text = error.what();
  }
  mpi_test::expect_same_everywhere(text);
  EXPECT_THAT(text, world().size() > 1 ? HasSubstr("--shm-size") : HasSubstr(""));
}

TEST(TensorMemory, IsOneMemoryOfAllRanks) {
  const auto memory = TensorMemory::shared(world(), 100'000);
  const std::size_t at = static_cast<std::size_t>(world().rank()) * 10'000;
  memory->bytes()[at] = std::byte{7};
  world().barrier(Purpose::agreement);
  for (int rank = 0; rank < world().size(); ++rank)
    EXPECT_EQ(memory->bytes()[static_cast<std::size_t>(rank) * 10'000], std::byte{7});
  EXPECT_EQ(memory->bytes()[99'999], std::byte{0});
  if (world().size() > 1) {
    std::size_t left = 0;
    // Of these ranks: others may be loading beside them.
    for (const std::string& pid : world().gather_text(std::to_string(::getpid()), 0, Purpose::agreement)) {
      for (const auto& entry : std::filesystem::directory_iterator{"/dev/shm"})
        left += entry.path().filename().native().starts_with("ditmill-" + pid + "-") ? 1 : 0;
    }
    EXPECT_EQ(left, 0U) << "nothing is left to be cleaned up";
  }
}

}  // namespace
}  // namespace ditmill::dist
