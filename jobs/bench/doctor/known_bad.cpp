#include "jobs/bench/doctor/known_bad.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace ditmill::jobs::bench::doctor {
namespace {

using Version = std::array<int, 3>;

/// Of a library from one version up to, but without, another.
struct Bad {
  const char* library = nullptr;
  Version from{};
  Version before{};
  const char* machine = nullptr;  ///< only there; null: on all
  const char* why = nullptr;
};

constexpr std::array<Bad, 7> all{{
    {"hdf5",
     {1, 10, 5},
     {1, 10, 9},
     nullptr,
     "collective metadata reads of parallel files go wrong (fixed in 1.10.9); ditmill reads and writes "
     "serially"},
    {"hdf5",
     {1, 12, 0},
     {1, 12, 2},
     nullptr,
     "collective metadata reads of parallel files go wrong (fixed in 1.12.2); ditmill reads and writes "
     "serially"},
    {"mpi",
     {4, 0, 0},
     {5, 0, 0},
     nullptr,
     "chunked parallel HDF5 crashes by ROMIO (OMPI_MCA_io=^ompio); ditmill does no MPI-IO"},
    {"mpi", {4, 0, 0}, {4, 0, 1}, nullptr, "MPI-IO by OMPIO can corrupt files; ditmill does no MPI-IO"},
    {"nccl", {2, 29, 2}, {2, 29, 3}, nullptr, "it can hang (pytorch#174338): use 2.29.3 or later"},
    {"nccl",
     {2, 0, 0},
     {2, 29, 3},
     "aarch64",
     "built by a gcc before 10 it loses slots of its proxy, and all ranks hang (marin#8038): use 2.29.3 or "
     "later"},
    {"launcher",
     {0, 0, 0},
     {1, 0, 0},
     nullptr,
     "with Slurm's default fence a few in a hundred starts crash in MPI_Init; PMIxCollFence=ring in "
     "mpi.conf, or "
     "SLURM_PMIX_FENCE=ring, or mpirun avoids it"},
}};

/// The first three numbers of "Open MPI v4.1.4, package: ..." or "2.28.9".
Version version_in(std::string_view text) {
  Version version{};
  text.remove_prefix(std::min(text.size(), text.find_first_of("0123456789")));
  for (int& number : version) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{}) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  return version;
}

std::string_view value(const std::map<std::string, std::string>& versions, const std::string& name) {
  const auto found = versions.find(name);
  return found == versions.end() ? std::string_view{} : found->second;
}

/// What is listed is Open MPI's and that of srun: others have numbers of their own.
bool is_listed_kind(const std::string& library, std::string_view text) {
  if (library == "mpi") return text.starts_with("Open MPI");
  if (library == "launcher") return text.starts_with("srun");
  return !text.empty();
}

}  // namespace

std::vector<std::string> known_bad(const std::map<std::string, std::string>& versions) {
  std::vector<std::string> sentences;
  for (const Bad& bad : all) {
    const std::string_view text = value(versions, bad.library);
    const Version version = version_in(text);
    if (!is_listed_kind(bad.library, text) || version < bad.from || !(version < bad.before)) continue;
    if (bad.machine != nullptr && value(versions, "machine") != bad.machine) continue;
    sentences.push_back(std::string{bad.library} + " " + std::string{text.substr(0, text.find(','))} + ": " +
                        bad.why);
  }
  return sentences;
}

}  // namespace ditmill::jobs::bench::doctor
