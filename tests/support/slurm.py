"""A Slurm cluster of a test's own on this host: slurmctld, munged, and a slurmd a node.

    with slurm.Cluster() as cluster:
        job = cluster.run("sbatch", "--parsable", "--wrap=true").strip()
        cluster.wait_for(job, "COMPLETED")

`more` lines of slurm.conf go before those of the nodes; of a parameter that is there twice the later one counts.
With accounting=True there are a slurmdbd and its MariaDB, and sacct answers; that takes some seconds more.

Needs root (each node is a UTS namespace, so that Open MPI takes it for a machine) and the Debian packages slurm-wlm
and munge. Clusters run side by side: ports, folder and node names of each are its own. A guard process holds the
daemons and ends them, with all that their jobs have started, when its standard input closes: also when the test is
killed.
"""

import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

FREEZER = pathlib.Path("/sys/fs/cgroup/freezer")
UP_WITHIN = 120  # seconds; a second or two unless the machine is loaded

SLURM_CONF = """\
ClusterName=ditmill
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for cred_expire, 120 s by default.
AuthInfo=socket={folder}/munge/sock,cred_expire=5
MpiDefault=none
ProctrackType={proctrack}
TaskPlugin=task/none
# The nodes have more CPUs than this host, and GPUs in name only.
SlurmdParameters=config_overrides
GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
# srun --mpi=pmix makes a folder of the same name on each node.
TmpFS={folder}/tmp/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,sched_min_interval=100000,batch_sched_delay=0
KillWait=5
# squeue --states=all and scontrol show job tell of jobs that have ended.
MinJobAge=3600
InactiveLimit=0
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=20
MessageTimeout=10
CompleteWait=0
JobRequeue=1
PropagateResourceLimitsExcept=ALL
TreeWidth=65533
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP OverSubscribe=NO
PartitionName=short Nodes=ALL MaxTime=30 DefaultTime=5 State=UP OverSubscribe=NO
{more}
"""

# A partition whose jobs take the nodes of those in main.
PREEMPTION = """\
PreemptType=preempt/partition_prio
PreemptMode={mode}
PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=30 DefaultTime=5 State=UP
"""

ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge/sock
JobAcctGatherType=jobacct_gather/linux
"""
DATABASE = "--socket={folder}/database/sock"
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/run/slurmdbd.pid
"""

CGROUP_CONF = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
ConstrainCores=no
ConstrainRAMSpace=no
"""

# Open MPI cannot see that the nodes share this host's cores and its loopback.
OPEN_MPI = {
    "OMPI_MCA_btl_tcp_if_include": "lo",
    "OMPI_MCA_oob_tcp_if_include": "lo",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
}


class Cluster:
    """Up from __enter__ to __exit__; `environment` is what sbatch, squeue, scancel and scontrol are started with."""

    def __init__(self, nodes=4, cpus=2, more="", accounting=False):
        self.wanted = {"nodes": nodes, "cpus": cpus, "more": more, "accounting": accounting}
        self.environment, self.nodes, self.restarted = {}, [], []

    def __enter__(self):
        if os.geteuid() != 0:
            raise AssertionError("a Slurm cluster of its own needs root")
        self.guard = subprocess.Popen(
            [sys.executable, __file__, json.dumps(self.wanted)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, start_new_session=True)
        line = self.guard.stdout.readline()
        if not line:
            raise AssertionError(f"the cluster did not come up: guard ended with {self.guard.wait()}")
        facts = json.loads(line)
        self.nodes, self.folder = facts["nodes"], pathlib.Path(facts["folder"])
        own = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_", "OMPI_", "PMIX_"))}
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        self.environment = dict(own, **OPEN_MPI, SLURM_CONF=facts["conf"], PATH=path, LC_ALL="C.UTF-8")
        return self

    def __exit__(self, *_):
        self.guard.stdin.close()
        self.guard.stdout.close()
        self.guard.wait(60)
        for process in self.restarted:
            process.wait(60)

    def kill_node(self, node):
        """As if its power failed: kills slurmd, and all that jobs run on it, in one go."""
        slurmd = int((self.folder / "run" / f"slurmd.{node}.pid").read_text())
        host = os.stat(f"/proc/{slurmd}/ns/uts").st_ino
        kill_if(lambda pid: os.stat(f"/proc/{pid}/ns/uts").st_ino == host)

    def start_node(self, node):
        """Starts the slurmd of a node that was killed."""
        with open(self.folder / "log" / f"{node}.out", "a") as log:
            self.restarted.append(subprocess.Popen(
                slurmd_words(node, self.environment["SLURM_CONF"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env=self.environment))

    def wait_until_idle(self, within=180):
        """Waits until every node takes jobs and has none."""
        deadline = time.monotonic() + within
        while set(self.run("sinfo", "--noheader", "--partition=main", "--format=%T").split()) != {"idle"}:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.run('sinfo', '--Node', '--long')}\n{self.logs()}")
            time.sleep(0.2)

    def run(self, *words, code=0, **more):
        """Runs a command of Slurm's, or any, to its end; returns what it printed."""
        done = subprocess.run([str(word) for word in words], env=self.environment, capture_output=True, text=True,
                              timeout=60, check=False, **more)
        if done.returncode != code:
            raise AssertionError(f"exit {done.returncode}, expected {code}: {words}\n{done.stdout}{done.stderr}")
        return done.stdout

    def job(self, job_id):
        """What scontrol knows of a job, by field: JobState, ExitCode, Restarts, Reason ..."""
        text = self.run("scontrol", "--oneliner", "show", "job", job_id)
        return dict(field.split("=", 1) for field in text.split() if "=" in field)

    def wait_for(self, job_id, *states, within=180):
        """Waits until a job is in one of the states; returns what scontrol then knows of it."""
        deadline = time.monotonic() + within
        while True:
            facts = self.job(job_id)
            if facts["JobState"] in states:
                return facts
            if time.monotonic() > deadline:
                raise AssertionError(f"job {job_id} is {facts['JobState']} ({facts['Reason']}), not {states}, "
                                     f"after {within} s\n{self.logs()}")
            time.sleep(0.1)

    @property
    def disk(self):
        """A path that leads each node to a disk of its own; from outside that is disk_of(node)."""
        return self.folder / "disk"

    def disk_of(self, node):
        return self.folder / "disks" / node

    def mount(self, node, path, size):
        """Puts an empty file system of so many bytes in a place of one node."""
        pid = (self.folder / "run" / f"slurmd.{node}.pid").read_text().strip()
        self.run("nsenter", f"--target={pid}", "--mount", "mount", "-t", "tmpfs", "-o", f"size={size}", "none", path)

    def logs(self):
        """The last lines of the daemons' logs."""
        return last_lines(self.folder)


def last_lines(folder):
    return "\n".join(f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:])
                     for path in sorted((folder / "log").glob("*")))


def slurmd_words(node, conf):
    start = 'hostname "$1" && mount --bind "$3/disks/$1" "$3/disk" && exec slurmd -D -N "$1" -f "$2"'
    return ["unshare", "--uts", "--mount", "sh", "-c", start, "_", node, str(conf), str(pathlib.Path(conf).parent)]


def kill_if(belongs):
    """Kills every process of which that holds; how many there were."""
    killed = 0
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and belongs(int(entry.name)):
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
        except OSError:  # gone by now, or the host's own
            continue
    return killed


# ---- the guard


def free_ports(count):
    """The first of so many free ports in a row, below those that the kernel hands out itself."""
    for _ in range(200):
        first = 20000 + secrets.randbelow(12000)
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for bound in sockets:
                bound.close()
    raise AssertionError(f"no {count} free ports in a row")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(what, ready):
    deadline = time.monotonic() + UP_WITHIN
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} is not there after {UP_WITHIN} s")
        time.sleep(0.02)


class Daemons:
    def __init__(self, folder, nodes, cpus, more, accounting):
        self.folder, self.processes = folder, []
        self.port = free_ports(nodes + 1 + 2 * accounting)
        self.dbd_port = self.port + nodes + 1 if accounting else None
        # Named after their ports: hosts, cgroups and shared memory of two clusters do not meet.
        self.ports = {f"n{self.port + i}": self.port + i for i in range(1, nodes + 1)}
        self.conf = folder / "slurm.conf"
        self.client = dict(os.environ, SLURM_CONF=str(self.conf))
        self.cgroup = os.access(FREEZER / "tasks", os.W_OK)
        for name in ("run", "log", "state", "spool", "munge", "database", "disk",
                     *(f"{kind}/{node}" for kind in ("tmp", "disks") for node in self.ports)):
            (folder / name).mkdir(parents=True)
        for name in ("munge", *(f"tmp/{node}" for node in self.ports)):
            (folder / name).chmod(0o711 if name == "munge" else 0o1777)
        lines = [f"NodeName={node} NodeHostname={node} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} Boards=1 "
                 f"SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory=8000 Gres=gpu:2 State=UNKNOWN"
                 for node, port in self.ports.items()]
        if accounting:
            more += ACCOUNTING.format(port=self.dbd_port, folder=folder)
        self.conf.write_text(SLURM_CONF.format(
            host=socket.gethostname().split(".")[0], port=self.port, folder=folder, nodes="\n".join(lines), more=more,
            proctrack="proctrack/cgroup" if self.cgroup else "proctrack/pgid"))
        (folder / "gres.conf").write_text("Name=gpu File=/dev/null,/dev/zero\n")
        if self.cgroup:
            (folder / "cgroup.conf").write_text(CGROUP_CONF)
        # With its default fence srun --mpi=pmix lets ranks out of MPI_Init too early.
        (folder / "mpi.conf").write_text("PMIxCollFence=ring\n")

    def spawn(self, name, *words):
        with open(self.folder / "log" / f"{name}.out", "w") as log:
            self.processes.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   start_new_session=True, env=self.client))

    def up(self):
        munge = self.folder / "munge"
        (munge / "key").write_bytes(secrets.token_bytes(128))
        (munge / "key").chmod(0o600)
        self.spawn("munged", "munged", "--foreground", "--force", "--num-threads=2", f"--key-file={munge}/key",
                   f"--socket={munge}/sock", f"--pid-file={munge}/pid", f"--log-file={self.folder}/log/munged.log",
                   f"--seed-file={munge}/seed")
        until("munged", (munge / "sock").exists)
        if self.dbd_port:
            self.accounting_up()
        self.spawn("slurmctld", "slurmctld", "-D", "-i", "-f", self.conf)
        for node in self.ports:
            self.spawn(node, *slurmd_words(node, self.conf))
        for name, port in {"slurmctld": self.port, **self.ports}.items():
            until(name, lambda port=port: listens(port))
        until("an idle cluster", lambda: self.idle() == len(self.ports))

    def accounting_up(self):
        port, socket_option = self.dbd_port + 1, DATABASE.format(folder=self.folder)
        data = f"--datadir={self.folder}/database/data"
        subprocess.run(["mariadb-install-db", "--no-defaults", "--user=root", data, "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True, stdout=subprocess.DEVNULL)
        self.spawn("mariadb", "mariadbd", "--no-defaults", "--user=root", data, socket_option, f"--port={port}",
                   "--bind-address=127.0.0.1", f"--pid-file={self.folder}/run/mariadb.pid",
                   "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900",
                   "--innodb-flush-log-at-trx-commit=0")
        until("MariaDB", lambda: listens(port))
        grants = "".join(f"create user slurm@'{host}' identified by 'slurm'; grant all on slurm.* to slurm@'{host}';"
                         for host in ("localhost", "127.0.0.1"))
        subprocess.run(["mariadb", "--no-defaults", socket_option, f"--execute={grants}"], check=True)
        conf = self.folder / "slurmdbd.conf"
        conf.touch(0o600)
        conf.write_text(SLURMDBD_CONF.format(port=self.dbd_port, database=port, folder=self.folder))
        self.spawn("slurmdbd", "slurmdbd", "-D")
        until("slurmdbd", lambda: listens(self.dbd_port))

    def idle(self):
        done = subprocess.run(["sinfo", "--noheader", "--partition=main", "--states=idle", "--format=%D"],
                              env=self.client, capture_output=True, text=True, check=False)
        return int(done.stdout.strip() or 0) if done.returncode == 0 else 0

    def down(self):
        """Ends the daemons, and whatever their jobs have started: it has SLURM_CONF in its environment."""
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for _ in range(50):
            if not self.kill_rest():
                break
            time.sleep(0.05)
        if self.cgroup:
            for node in self.ports:
                for folder, _, _ in os.walk(FREEZER / f"slurm_{node}", topdown=False):
                    remove_cgroup(folder)
        for left in pathlib.Path("/dev/shm").glob("vader_segment.*"):  # of ranks that were killed
            if left.name.split(".")[1] in self.ports:
                left.unlink(missing_ok=True)

    def kill_rest(self):
        mark = f"SLURM_CONF={self.conf}".encode()
        return kill_if(lambda pid: mark in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))


def remove_cgroup(folder):
    try:
        os.rmdir(folder)
    except OSError:
        pass  # a process that is ending still holds it; an empty cgroup takes nothing


def guard(wanted):
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ditmill-slurm-"))
    folder.chmod(0o755)
    daemons = Daemons(folder, **wanted)
    try:
        daemons.up()
        print(json.dumps({"folder": str(folder), "conf": str(daemons.conf), "nodes": list(daemons.ports)}), flush=True)
        sys.stdin.read()
    except AssertionError as error:
        print(f"slurm: {error}\n{last_lines(folder)}", file=sys.stderr)
        return 1
    finally:
        daemons.down()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    sys.exit(guard(json.loads(sys.argv[1])))
