#include "jobs/bench/doctor/node_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "configs/error.h"
#include "configs/list_text.h"
#include "dist/library_versions.h"
#include "jobs/engine/ranks/threads.h"
#include "jobs/plan/memory/memory_limit.h"
#include "jobs/results/files/durable.h"
#include "jobs/results/store/hdf5/h5_version.h"
#include "slurm/command.h"

namespace ditmill::jobs::bench::doctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double share_of_folder = 0.4;  ///< of the seconds

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

/// Of this thread's own time, so that others on the core do not count.
double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// A chain of multiplications, which only the core's clock can make faster: the best of several.
double loop_rate() {
  constexpr std::uint64_t steps = std::uint64_t{1} << 22;
  double best = 0;
  std::uint64_t value = 1;
  const Clock::time_point began = Clock::now();
  do {
    const double before = thread_seconds();
    for (std::uint64_t i = 0; i < steps; ++i) value = value * 6364136223846793005U + 1442695040888963407U;
    best = std::max(best, 1e-6 * static_cast<double>(steps) / (thread_seconds() - before));
  } while (seconds_since(began) < 0.5);
  return value == 0 ? 0 : best;  // value is never 0, which the compiler does not know
}

/// On all cores at once, as in a job: a node that has to lower its clocks then shows it.
double cpu_rate(int cores) {
  std::vector<double> rates(static_cast<std::size_t>(cores));
  std::vector<std::jthread> threads;
  threads.reserve(rates.size());
  for (double& rate : rates) threads.emplace_back([&rate] { rate = loop_rate(); });
  threads.clear();
  std::ranges::nth_element(rates, rates.begin() + cores / 2);
  return rates[static_cast<std::size_t>(cores / 2)];
}

std::uint64_t available_memory(std::uint64_t total) {
  std::uint64_t least = total;
  for (const plan::MemoryBound& bound : plan::memory_bounds()) least = std::min(least, bound.available);
  return least;
}

void measure_folder(const std::string& folder, double seconds, NodeFacts& facts) {
  constexpr int most_pieces = 8;
  const std::string piece(std::size_t{8} << 20, 'd');
  const double megabytes = 1e-6 * static_cast<double>(piece.size());
  const std::string path = fmt::format("{}/.ditmill-doctor-{}-{}{}", folder, facts.host, ::getpid(),
                                       results::durable::temp_suffix);
  try {
    const results::durable::File file = results::durable::File::open(path, O_RDWR | O_CREAT | O_TRUNC);
    ::unlink(path.c_str());
    const Clock::time_point began = Clock::now();
    int pieces = 0;
    while (pieces < most_pieces && (pieces == 0 || seconds_since(began) < seconds / 2)) {
      const Clock::time_point start = Clock::now();
      file.write(piece);
      file.sync();
      facts.write_rate = std::max(facts.write_rate, megabytes / seconds_since(start));
      ++pieces;
    }
    ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);  // else memory is measured
    std::string read(piece.size(), '\0');
    const Clock::time_point turned = Clock::now();
    for (int i = 0; i < pieces && (i == 0 || seconds_since(turned) < seconds / 2); ++i) {
      const Clock::time_point start = Clock::now();
      for (std::size_t done = 0; done < read.size();) {
        const ssize_t got = ::pread(file.fd(), read.data() + done, read.size() - done,
                                    static_cast<off_t>(static_cast<std::size_t>(i) * read.size() + done));
        if (got <= 0) throw system_error(got < 0 ? errno : EIO, "read a file back", Where{.file = path});
        done += static_cast<std::size_t>(got);
      }
      facts.read_rate = std::max(facts.read_rate, megabytes / seconds_since(start));
      if (read != piece)
        throw Error{Category::io, "read a file back", Where{.file = path}, {}, Got{"other bytes"}};
    }
  } catch (const Error& error) {
    ::unlink(path.c_str());
    facts.folder_error = error.what();
  }
}

void look_at_gpus(int patience, NodeFacts& facts) {
  // A broken GPU makes nvidia-smi wait for ever.
  const std::string script = fmt::format(
      "command -v nvidia-smi >/dev/null || exit 0; exec timeout -k 1 {} nvidia-smi {} "
      "--format=csv,noheader,nounits",
      patience, gpu_query);
  const slurm::Ran ran = slurm::run_command({"sh", "-c", script});
  constexpr int timed_out = 124;
  if (ran.status == timed_out) {
    facts.gpu_error = fmt::format("nvidia-smi does not end within {} s", patience);
  } else if (ran.status != 0) {
    const std::string said = ran.out + ran.err;
    if (said.find("No devices were found") != std::string::npos) return;
    facts.gpu_error = "nvidia-smi ends with " + std::to_string(ran.status) + ": " + printable(said);
  } else {
    facts.gpus = parse_gpus(ran.out);
    const std::size_t last = ran.out.rfind(", ");
    if (last != std::string::npos) {
      facts.versions["driver"] = ran.out.substr(last + 2, ran.out.find('\n', last) - last - 2);
    }
  }
}

std::string launcher() {
  const char* space = std::getenv("PMIX_NAMESPACE");
  if (space != nullptr && std::string_view{space}.starts_with("slurm.pmix")) return "srun --mpi=pmix";
  return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr ? "mpirun" : "none";
}

std::string machine() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : "";
}

}  // namespace

double NodeFacts::best_pair() const { return pair_rates.empty() ? 0 : std::ranges::max(pair_rates); }

void NodeFacts::take_better(const NodeFacts& look) {
  for (double NodeFacts::*rate : {&NodeFacts::cpu_rate, &NodeFacts::write_rate, &NodeFacts::read_rate}) {
    this->*rate = std::max(this->*rate, look.*rate);
  }
  memory_available = std::max(memory_available, look.memory_available);
  load = std::min(load, look.load);
  for (std::size_t i = 0; i < pair_rates.size() && i < look.pair_rates.size(); ++i) {
    pair_rates[i] = std::max(pair_rates[i], look.pair_rates[i]);
  }
}

nlohmann::json to_json(const NodeFacts& facts) {
  nlohmann::json gpus = nlohmann::json::array();
  for (const Gpu& gpu : facts.gpus) {
    gpus.push_back({{"name", gpu.name},
                    {"memory_mib", gpu.memory_mib},
                    {"clock_mhz", gpu.clock_mhz},
                    {"top_clock_mhz", gpu.top_clock_mhz},
                    {"held_back", gpu.held_back}});
  }
  return {{"host", facts.host},
          {"cores", facts.cores},
          {"load", facts.load},
          {"cpu_rate", facts.cpu_rate},
          {"memory_bytes", facts.memory},
          {"memory_available_bytes", facts.memory_available},
          {"shm_bytes", facts.shm},
          {"shm_free_bytes", facts.shm_free},
          {"clock_offset_seconds", facts.clock_offset},
          {"write_mb_s", facts.write_rate},
          {"read_mb_s", facts.read_rate},
          {"folder_error", facts.folder_error},
          {"gpus", gpus},
          {"gpu_error", facts.gpu_error},
          {"versions", facts.versions},
          {"pair_mb_s", facts.pair_rates},
          {"silent", facts.silent}};
}

NodeFacts facts_from_json(const nlohmann::json& json) {
  NodeFacts facts;
  json.at("host").get_to(facts.host);
  json.at("cores").get_to(facts.cores);
  json.at("load").get_to(facts.load);
  json.at("cpu_rate").get_to(facts.cpu_rate);
  json.at("memory_bytes").get_to(facts.memory);
  json.at("memory_available_bytes").get_to(facts.memory_available);
  json.at("shm_bytes").get_to(facts.shm);
  json.at("shm_free_bytes").get_to(facts.shm_free);
  json.at("clock_offset_seconds").get_to(facts.clock_offset);
  json.at("write_mb_s").get_to(facts.write_rate);
  json.at("read_mb_s").get_to(facts.read_rate);
  json.at("folder_error").get_to(facts.folder_error);
  json.at("gpu_error").get_to(facts.gpu_error);
  json.at("versions").get_to(facts.versions);
  json.at("pair_mb_s").get_to(facts.pair_rates);
  json.at("silent").get_to(facts.silent);
  for (const nlohmann::json& gpu : json.at("gpus")) {
    facts.gpus.push_back({.name = gpu.at("name").get<std::string>(),
                          .memory_mib = gpu.at("memory_mib").get<double>(),
                          .clock_mhz = gpu.at("clock_mhz").get<double>(),
                          .top_clock_mhz = gpu.at("top_clock_mhz").get<double>(),
                          .held_back = gpu.at("held_back").get<std::string>()});
  }
  return facts;
}

std::vector<Gpu> parse_gpus(std::string_view text) {
  struct Reason {
    unsigned long bit = 0;
    const char* name = nullptr;
  };
  // NVML's nvmlClocksThrottleReason: those that nobody asked for.
  static constexpr std::array<Reason, 4> reasons{{{0x08, "hardware slowdown"},
                                                  {0x20, "software thermal slowdown"},
                                                  {0x40, "hardware thermal slowdown"},
                                                  {0x80, "power brake"}}};
  constexpr std::size_t fields_a_gpu = 6;
  std::vector<Gpu> gpus;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    std::vector<std::string> fields;
    for (std::string_view rest = line;;) {
      const std::size_t end = rest.find(", ");
      fields.emplace_back(rest.substr(0, end));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 2);
    }
    if (fields.size() != fields_a_gpu) {
      throw Error{Category::io, "read what nvidia-smi says", {}, Expected{gpu_query}, Got{printable(line)}};
    }
    Gpu gpu{.name = fields[0],
            .memory_mib = std::strtod(fields[1].c_str(), nullptr),
            .clock_mhz = std::strtod(fields[2].c_str(), nullptr),
            .top_clock_mhz = std::strtod(fields[3].c_str(), nullptr),
            .held_back = {}};
    const unsigned long active = std::strtoul(fields[4].c_str(), nullptr, 16);
    for (const Reason& reason : reasons) {
      if ((active & reason.bit) != 0) extend_list(gpu.held_back, reason.name);
    }
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

NodeFacts look_at_node(const std::string& folder, double seconds) {
  NodeFacts facts;
  facts.host = plan::machine_name();
  facts.cores = engine::usable_cores();
  if (::getloadavg(&facts.load, 1) != 1) facts.load = 0;
  facts.memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                 static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  facts.memory_available = available_memory(facts.memory);
  struct statvfs shm {};
  if (::statvfs("/dev/shm", &shm) == 0) {
    facts.shm = static_cast<std::uint64_t>(shm.f_blocks) * shm.f_frsize;
    facts.shm_free = static_cast<std::uint64_t>(shm.f_bavail) * shm.f_frsize;
  }
  facts.versions = dist::library_versions();
  facts.versions["hdf5"] = results::h5::library_version();
  facts.versions["launcher"] = launcher();
  facts.versions["machine"] = machine();
  try {
    look_at_gpus(std::max(1, static_cast<int>(2 * seconds / 3)), facts);
  } catch (const Error& error) {
    facts.gpu_error = error.what();
  }
  facts.cpu_rate = cpu_rate(facts.cores);
  measure_folder(folder, share_of_folder * seconds, facts);
  return facts;
}

}  // namespace ditmill::jobs::bench::doctor
