// How fast a component gets to all ranks: mpirun -n RANKS bench_stream [MiB] [ROUNDS] [DTYPE]. Three ways,
// interleaved:
//   stream       stream_component(): rank 0 reads, 4 MiB frames, digests made and verified
//   independent  every rank reads the file itself, no digests
//   per tensor   rank 0 reads a tensor, MPI_Bcast of it, no digests
// The file is in the page cache. Each way ends with all tensors on all ranks, in memory that is touched.
#include <ATen/ATen.h>
#include <malloc.h>
#include <mpi.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>

#include "dist/comm/mpi.h"
#include "dist/weights/stream.h"

namespace ditmill::dist {
namespace {

constexpr std::uint64_t header_bytes = 4096;

/// Tensors of 6 MiB, as many as fill `mib`, with a small one after each.
ComponentPlan make_plan(const std::string& path, std::uint64_t mib, configs::Dtype dtype) {
  ComponentPlan plan{
      .name = "transformer", .hyper_parameters = {}, .dtype = dtype, .keep_float32 = {}, .files = {}};
  registry::WeightFile file{.path = path, .tensors = {}};
  std::uint64_t at = header_bytes;
  const auto add = [&](const std::string& name, std::uint64_t elements) {
    file.tensors.push_back({.name = name,
                            .type = registry::ElementType::bf16,
                            .shape = {elements},
                            .begin = at,
                            .end = at + elements * 2});
    at += elements * 2;
  };
  for (std::uint64_t i = 0; i < mib / 6; ++i) {
    add("weight." + std::to_string(i), std::uint64_t{3} << 20);
    add("bias." + std::to_string(i), 1536);
  }
  file.size = at;
  plan.files.push_back(std::move(file));
  return plan;
}

TensorMap independent(const ComponentPlan& plan) {
  TensorMap tensors;
  const auto source = registry::open_file(plan.files[0].path);
  for (const registry::TensorInfo& info : plan.files[0].tensors) {
    at::Tensor tensor = at::empty({static_cast<std::int64_t>(info.elements())}, at::kBFloat16);
    source->read_at(info.begin, {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()});
    tensors.emplace(info.name, plan.dtype == configs::Dtype::float32 ? tensor.to(at::kFloat) : tensor);
  }
  return tensors;
}

TensorMap per_tensor(const ComponentPlan& plan, int rank) {
  TensorMap tensors;
  const auto source = registry::open_file(plan.files[0].path);
  for (const registry::TensorInfo& info : plan.files[0].tensors) {
    at::Tensor tensor = at::empty({static_cast<std::int64_t>(info.elements())}, at::kBFloat16);
    if (rank == 0) source->read_at(info.begin, {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()});
    MPI_Bcast(tensor.data_ptr(), static_cast<int>(tensor.nbytes()), MPI_BYTE, 0, MPI_COMM_WORLD);
    tensors.emplace(info.name, plan.dtype == configs::Dtype::float32 ? tensor.to(at::kFloat) : tensor);
  }
  return tensors;
}

/// What one load took.
struct Took {
  double seconds = 0;       ///< until the last rank had everything
  double cpu = 0;           ///< seconds of a core, on the rank that used most
  std::int64_t faults = 0;  ///< page faults, on the rank that had most
};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::int64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

Took time_of(const Communicator& world, const std::function<void()>& load) {
  world.barrier(Purpose::plan);
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  const std::int64_t faults = page_faults();
  load();
  world.barrier(Purpose::plan);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto used = static_cast<std::int64_t>((cpu_seconds() - cpu) * 1e9);
  return {seconds, static_cast<double>(world.max(used, Purpose::plan)) / 1e9,
          world.max(page_faults() - faults, Purpose::plan)};
}

void report(const char* way, std::vector<Took> all, std::uint64_t bytes) {
  std::sort(all.begin(), all.end(), [](const Took& a, const Took& b) { return a.cpu < b.cpu; });
  const double cpu = all[all.size() / 2].cpu;
  std::sort(all.begin(), all.end(), [](const Took& a, const Took& b) { return a.seconds < b.seconds; });
  const double median = all[all.size() / 2].seconds;
  std::printf("%-12s median %.3f s (%.3f to %.3f), %.2f GB/s to every rank, %.3f core seconds, %ld faults\n",
              way, median, all.front().seconds, all.back().seconds, static_cast<double>(bytes) / median / 1e9,
              cpu, static_cast<long>(all.back().faults));
}

void run(const Communicator& world, const std::string& folder, std::uint64_t mib, int rounds,
         configs::Dtype dtype) {
  const ComponentPlan plan = make_plan(folder + "/weights", mib, dtype);
  const std::uint64_t bytes = plan.files[0].size;
  if (world.rank() == 0) {
    std::ofstream file(plan.files[0].path, std::ios::binary);
    std::vector<char> block(1 << 20);
    for (std::uint64_t at = 0; at < bytes; at += block.size()) {
      std::generate(block.begin(), block.end(),
                    [n = at]() mutable { return static_cast<char>((n += 97) >> 3); });
      file.write(block.data(),
                 static_cast<std::streamsize>(std::min<std::uint64_t>(block.size(), bytes - at)));
    }
  }
  std::vector<Took> stream;
  std::vector<Took> alone;
  std::vector<Took> by_tensor;
  for (int round = 0; round <= rounds; ++round) {
    const Took a = time_of(world, [&] { stream_component(world, plan, Mesh(world.size(), {})); });
    const Took b = time_of(world, [&] { independent(plan); });
    const Took c = time_of(world, [&] { per_tensor(plan, world.rank()); });
    if (round == 0) continue;  // warms caches
    stream.push_back(a);
    alone.push_back(b);
    by_tensor.push_back(c);
  }
  if (world.rank() != 0) return;
  std::printf("%d ranks, %.0f MB, %d rounds\n", world.size(), static_cast<double>(bytes) / 1e6, rounds);
  report("stream", stream, bytes);
  report("independent", alone, bytes);
  report("per tensor", by_tensor, bytes);
}

}  // namespace
}  // namespace ditmill::dist

int main(int argc, char** argv) {
  using namespace ditmill;
  // Every round gets fresh memory, as a job's first and only load does.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  const dist::MpiSession session(argc, argv);
  const dist::Communicator world = session.world();
  const std::uint64_t mib = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 512;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const configs::Dtype dtype =
      argc > 3 && std::string(argv[3]) == "float32" ? configs::Dtype::float32 : configs::Dtype::bfloat16;
  std::string folder = std::filesystem::temp_directory_path() / "ditmill-bench-XXXXXX";
  if (world.rank() == 0 && mkdtemp(folder.data()) == nullptr) dist::MpiSession::abort(1);
  folder = world.broadcast_text(folder, 0, dist::Purpose::plan);
  dist::run(world, folder, mib, rounds, dtype);
  if (world.rank() == 0) std::filesystem::remove_all(folder);
  return 0;
}
