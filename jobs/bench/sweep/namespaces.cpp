#include "jobs/bench/sweep/namespaces.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <regex>
#include <sstream>

#include "configs/embedded.h"
#include "configs/error.h"
#include "configs/list_text.h"
#include "slurm/launch.h"
#include "slurm/mpirun.h"
#include "slurm/process.h"

namespace ditmill::jobs::bench {
namespace {

constexpr const char* makes_machines = "make machines of network namespaces";

bool is_on_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

void check_programs() {
  static constexpr std::array<std::array<const char*, 2>, 7> needed{
      {{"bash", "bash"},
       {"unshare", "util-linux"},
       {"ip", "iproute2"},
       {"tc", "iproute2"},
       {"sshfs", "sshfs"},
       {"socat", "socat"},
       {"/usr/lib/openssh/sftp-server", "openssh-sftp-server"}}};
  std::string missing;
  std::string packages;
  for (const auto& [program, package] : needed) {
    if (is_on_path(program)) continue;
    extend_list(missing, program);
    if (packages.find(package) == std::string::npos) extend_list(packages, package, " ");
  }
  if (!is_on_path(slurm::mpirun_name())) {
    extend_list(missing, slurm::mpirun_name());
    extend_list(packages, "openmpi-bin", " ");
  }
  if (missing.empty()) return;
  throw Error{Category::usage,
              makes_machines,
              {},
              Expected{"on the PATH: " + missing},
              Got{"none there"},
              "apt-get install " + packages + "; ip and tc may be in /usr/sbin"};
}

}  // namespace

void check_namespaces(const std::string& link) {
  static const std::regex rate{"[1-9][0-9]{0,5}([kmg])bit"};
  if (!std::regex_match(link, rate)) {
    throw Error{Category::usage,
                "read --link",
                {},
                Expected{"a rate of tc's: 1gbit, 500mbit"},
                Got{printable(link, max_shown)}};
  }
  if (::geteuid() != 0) {
    throw Error{Category::usage,
                makes_machines,
                {},
                Expected{"root"},
                Got{"user " + std::to_string(::geteuid())},
                "start it with sudo, or on a cluster, where it submits jobs"};
  }
  check_programs();
  if (::access("/dev/fuse", R_OK | W_OK) != 0) {
    throw Error{Category::usage,
                makes_machines,
                Where{.file = "/dev/fuse"},
                Expected{"a device that sshfs can open"},
                Got{"none"},
                "in a container: docker run --device /dev/fuse --privileged"};
  }
}

bool load_on_namespaces(const SweepLoad& load, const std::string& link, const std::string& served,
                        const slurm::Foreground& foreground) {
  slurm::forget_launch();
  slurm::allow_root();
  // With the init of its process namespace all goes that was started there, and with that all namespaces. The
  // init goes with the shell that starts it, and that with this process: unshare's own --kill-child would not
  // do, for with --fork it takes no SIGTERM.
  std::vector<std::string> words{"unshare",
                                 "--pid",
                                 "--mount",
                                 "--net",
                                 "bash",
                                 "-c",
                                 "setpriv --pdeathsig KILL bash -c \"$0\" machines \"$@\" & wait $!",
                                 std::string{embedded::machines()[0].text},
                                 std::to_string(load.nodes),
                                 std::to_string(load.ranks_per_node),
                                 link,
                                 served,
                                 load.scratch,
                                 slurm::mpirun_name()};
  words.insert(words.end(), load.engine.begin(), load.engine.end());
  const slurm::Foreground::Ended ended = foreground.run(words, "it is in util-linux");
  if (!ended.told) check_end(load, slurm::exit_code_of(ended.status), "network namespaces");
  return ended.told;
}

}  // namespace ditmill::jobs::bench
