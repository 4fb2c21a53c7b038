#!/usr/bin/env python3
"""Shards on a real Slurm: a cluster of one node on the loopback, in a scratch folder, running only during this test.

munged, slurmctld and slurmd are children of this script and end with it; nothing outside the scratch folder is written.
An array of four tasks extracts drawn images; one task is requeued while it runs, one gets the signal that precedes a time
limit, one is killed and requeued. The merged shards are compared with the result of one process, to the bit.
"""
import getpass, json, os, re, shutil, signal, socket, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, ROOT, program, run, scratch

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "srun"]
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
OPTIONS = ["--weights", "random:1", "--threads", "1", "--batch", "1"]
CONF = """
ClusterName=vggcache
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={at}/munge.socket,cred_expire=5
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdParameters=config_overrides
StateSaveLocation={at}/state
SlurmdSpoolDir={at}/spool
SlurmctldPidFile={at}/slurmctld.pid
SlurmdPidFile={at}/slurmd.pid
SlurmctldLogFile={at}/slurmctld.log
SlurmdLogFile={at}/slurmd.log
KillWait=30
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs=4
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def wait_for(what, holds, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = holds()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("waited %d s for %s" % (seconds, what))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    """with Cluster(folder) as slurm: slurm(COMMAND…) runs one of Slurm's programs and returns its output."""

    def __init__(self, at):
        self.at, self.daemons = at, []
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
        self.env.update(PATH=PATH, SLURM_CONF=at + "/slurm.conf", VGGCACHE_EXTRACT=os.path.join(BUILD, "extract"))

    def start(self, *command):
        with open("%s/%s.out" % (self.at, command[0]), "w") as log:
            self.daemons.append(subprocess.Popen(command, env=self.env, stdout=log, stderr=log, cwd=self.at))

    def __enter__(self):
        at, host = self.at, socket.gethostname().split(".")[0]
        port, node_port = free_ports(2)
        os.mkdir(at + "/state"), os.mkdir(at + "/spool")
        with open(at + "/slurm.conf", "w") as conf:
            conf.write(CONF.format(at=at, host=host, user=getpass.getuser(), port=port, node_port=node_port))
        with os.fdopen(os.open(at + "/munge.key", os.O_CREAT | os.O_WRONLY, 0o400), "wb") as key:
            key.write(os.urandom(1024))
        try:
            self.start("munged", "--foreground", "--force", "--socket", at + "/munge.socket", "--key-file", at + "/munge.key",
                       "--pid-file", at + "/munge.pid", "--log-file", at + "/munge.log", "--seed-file", at + "/munge.seed")
            wait_for("munged", lambda: os.path.exists(at + "/munge.socket"), 20)
            self.start("slurmctld", "-D", "-c")
            self.start("slurmd", "-D", "-N", host)
            wait_for("the node to be idle", lambda: "State=IDLE " in self("scontrol", "show", "node", may_fail=True), 60)
        except Exception:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if len(self.daemons) > 1:
            self("scancel", "--user", getpass.getuser(), may_fail=True)
            try:
                wait_for("jobs to end", lambda: not self("squeue", "--noheader", may_fail=True), 60)
            except AssertionError as problem:
                print("# %s" % problem)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def __call__(self, *command, may_fail=False):
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, cwd=self.at, timeout=120)
        if done.returncode and not may_fail:
            raise AssertionError("%s: %s%s" % (" ".join(command), done.stdout, done.stderr))
        return done.stdout

    def task(self, job, index):
        """Slurm's state of a task of an array: {"JobState": …, "ExitCode": …, "Restarts": …}."""
        return dict(re.findall(r"(\w+)=(\S*)", self("scontrol", "--oneliner", "show", "job", "%s_%d" % (job, index))))


def size(cache):
    return os.path.getsize(cache + "/data.mdb") if os.path.exists(cache + "/data.mdb") else 0


def exported(cache, to):
    program("extract", "--export", to, cache)
    return [open(os.path.join(to, name), "rb").read() for name in ("features.npy", "labels.npy", "items.csv")]


def draw(folder, each):
    subprocess.run([os.path.join(BUILD, "demo-images"), folder, str(each), "1"], check=True, capture_output=True)
    images = folder + "/train"
    with open(os.path.join(images, sorted(os.listdir(images))[0], "broken.jpg"), "wb") as out:
        out.write(b"\xff\xd8 no more than that")
    return images


def pid_of_extract(shard):
    """The process that writes this shard, among our processes."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open("/proc/%s/cmdline" % pid, "rb").read().split(b"\0")
        except OSError:
            continue
        if words[0] == os.path.join(BUILD, "extract").encode() and shard.encode() in words:
            return int(pid)
    raise AssertionError("no process writes " + shard)


def disturb(slurm, job, shards):
    """Interrupts three of the four tasks after they have committed something."""
    for i in (1, 2, 3):
        wait_for("shard %d to grow" % i, lambda: size("%s/%d" % (shards, i)) > 400_000)
    slurm("scontrol", "requeue", job + "_1")
    slurm("scancel", "--signal=USR1", "--batch", job + "_2")
    os.kill(pid_of_extract(shards + "/3"), signal.SIGKILL)
    wait_for("task 3 to fail", lambda: slurm.task(job, 3)["JobState"] == "FAILED")
    assert slurm.task(job, 3)["ExitCode"] == "137:0", slurm.task(job, 3)
    slurm("scontrol", "requeue", job + "_3")
    for i in (1, 2, 3):
        wait_for("task %d to run again" % i, lambda: int(slurm.task(job, i)["Restarts"]) == 1)


def an_array_that_is_requeued_and_killed_makes_what_one_process_makes_to_the_bit():
    with scratch() as at:
        images, shards = draw(at + "/drawn", 60), at + "/shards"
        os.mkdir(at + "/slurm")
        with Cluster(at + "/slurm") as slurm:
            job = re.search(r"\d+", slurm("sbatch", "--array=0-3", "--output=%s/task%%a.log" % at,
                                          ROOT + "/extract/cluster/slurm.sbatch", images, shards, *OPTIONS)).group()
            disturb(slurm, job, shards)
            wait_for("the array to end", lambda: all(slurm.task(job, i)["JobState"] == "COMPLETED" for i in range(4)), 300)
        for i in range(4):
            log = open("%s/task%d.log" % (at, i)).read()
            for line in log.splitlines():
                print("# task %d: %s" % (i, line.replace(at, "…")))
            last = re.findall(r"(\d+) new, (\d+) unchanged, 0 changed, 0 moved, 0 copied, 0 missing, [01] skipped", log)[-1]
            assert "shard %d/4, from Slurm's job array" % i in log and (int(last[1]) > 0) == (i > 0), log
            assert ("keeps what was computed" in log) == (i in (1, 2)), log
        program("extract", *OPTIONS, "--threads", "2", "--batch", "8", images, at + "/one", status=3)
        done = program("extract", "--merge", "--check", images, at + "/merged", *["%s/%d" % (shards, i) for i in range(4)])
        for line in done.stdout.splitlines():
            print("# merged: " + line.replace(at, "…"))
        assert exported(at + "/merged", at + "/m") == exported(at + "/one", at + "/o")


def tasks_of_srun_share_the_images():
    with scratch() as at:
        images = draw(at + "/drawn", 4)
        os.mkdir(at + "/slurm")
        with Cluster(at + "/slurm") as slurm:
            slurm("srun", "--ntasks=3", "sh", "-c",
                  '"$VGGCACHE_EXTRACT" --layer input --shard auto %s %s/shard$SLURM_PROCID || [ $? -eq 3 ]' % (images, at))
        shards = ["%s/shard%d" % (at, i) for i in range(3)]
        assert [json.loads(program("extract", "--info", "--json", s).stdout)["shard"] for s in shards] == \
            [[0, 3], [1, 3], [2, 3]]
        program("extract", "--merge", "--check", images, at + "/merged", *shards)


missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
if missing:
    print("1..0 # SKIP Slurm cannot be run here: %s not found (apt-get install slurm-wlm munge)" % ", ".join(missing))
else:
    run(an_array_that_is_requeued_and_killed_makes_what_one_process_makes_to_the_bit, tasks_of_srun_share_the_images)
