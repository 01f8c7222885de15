"""netc and its peers as runners of one kind, and turns of measurements that are taken in rounds.

A runner is told a workload by `prepare`, and `measure(seconds)` then gives the median time of a step in
microseconds. Between its turns a runner uses no processor.
"""
import fcntl
import json
import os
import pathlib
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import zoo

HERE = pathlib.Path(__file__).resolve().parent


class Failed(Exception):
    """A program that did not do what it was asked to; the text is its own."""


def run(command, environment=None, timeout=300):
    """Seconds from process start to end, what it wrote to stdout, and its peak memory in MB."""
    start = time.time()
    # With a file, not a pipe, wait4 can be used: it alone tells the peak memory of this very process.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                   env=dict(os.environ, BENCH_T0=str(start), **(environment or {})))
        previous = signal.signal(signal.SIGALRM, lambda *_: process.kill())
        signal.alarm(timeout)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        seconds = time.time() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if process.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))}: exit {process.returncode}\n{err.read()[-2000:]}")
        return seconds, out.read(), usage.ru_maxrss / 1024


def threads_environment(threads):
    """What tells the peers' libraries how many threads to use."""
    environment = dict(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), JAX_PLATFORMS="cpu")
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return environment


class Netc:
    """`netc bench` of the workload's program, a process a turn; its kernels come from a cache of our own."""
    name = "netc"

    def __init__(self, binary, threads, folder):
        self.binary, self.threads, self.folder = pathlib.Path(binary), threads, pathlib.Path(folder)
        self.environment = dict(XDG_CACHE_HOME=str(self.folder / "cache"))

    def write(self, workload):
        text = zoo.chain_text(workload) if isinstance(workload, zoo.Chain) else zoo.net_text(workload)
        path = self.folder / f"{workload.name}.net"
        path.write_text(text)
        return path

    def command(self, workload, seconds):
        batch = workload.rows if isinstance(workload, zoo.Chain) else workload.batch
        return [self.binary, "bench", self.write(workload), "--entry", workload.entry, "--batch", batch, "--threads",
                self.threads, "--min-time", f"{seconds}s", "--json"]

    def prepare(self, workload):
        self.workload = workload
        self.bench(0)

    def bench(self, seconds, *options, environment=None):
        """The JSON lines that `netc bench` prints."""
        _, out, _ = run(self.command(self.workload, seconds) + list(options), environment or self.environment)
        return [json.loads(line) for line in out.splitlines()]

    def measure(self, seconds):
        return self.bench(seconds)[0]["median_us"]

    def close(self):
        pass


class Peer:
    """A Python peer: one process that makes a workload's step and is stopped between its turns."""

    def __init__(self, python, folder, name, threads):
        self.name, self.threads = name, threads
        self.command = [str(python), str(HERE / "peer.py"), str(folder), name, str(threads)]
        self.process = None
        self.busy = 0

    def start(self):
        environment = dict(os.environ, BENCH_T0=str(time.time()), **threads_environment(self.threads))
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env=environment)
        # JAX starts as many threads as there are processors, whatever it is told.
        os.sched_setaffinity(self.process.pid, sorted(os.sched_getaffinity(0))[:self.threads])

    def ask(self, request, timeout=180):
        if self.process is None:
            self.start()
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], timeout)
            line = self.process.stdout.readline() if ready else ""
        except BrokenPipeError:
            line = ""
        if not line:
            self.close()
            raise Failed(f"{self.name} gave no answer")
        self.process.send_signal(signal.SIGSTOP)
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name}: {answer['error']}")
        return answer

    def prepare(self, workload):
        return self.ask({"make": vars(workload)})

    def measure(self, seconds):
        answer = self.ask({"time": seconds})
        self.busy = max(self.busy, answer["busy_threads"])
        return answer["us"]

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()    # ends it and closes the pipes
            self.process = None


class Native:
    """A peer's program: PEER NAME BATCH WIDTHS LOSS OPTIMIZER FLOP THREADS SECONDS, a JSON line out."""

    def __init__(self, path, threads):
        self.path, self.threads, self.name = path, threads, path.name

    def run(self, seconds):
        w = self.workload
        _, out, memory = run([self.path, w.name, w.batch, "-".join(map(str, w.layers)), w.loss, w.optimizer, w.flop,
                              self.threads, seconds], threads_environment(self.threads))
        return dict(json.loads(out), rss_mb=memory)

    def prepare(self, workload):
        self.workload = workload
        self.run(0)

    def measure(self, seconds):
        return self.run(seconds)["us"]

    def close(self):
        pass


class Turn:
    """A turn at measuring on a shared machine: holds the files' locks (flock), so that other jobs can wait, and
    gives them back at the end of a block once it had them for `seconds`."""

    def __init__(self, paths, seconds=6):
        self.paths, self.seconds, self.files = paths, seconds, []

    def __enter__(self):
        if not self.files:
            for path in self.paths:
                self.files.append(open(path, "a"))
                fcntl.flock(self.files[-1], fcntl.LOCK_EX)
            self.begin = time.time()

    def __exit__(self, *_):
        if time.time() - self.begin > self.seconds:
            self.give_back()

    def give_back(self):
        for file in self.files:
            file.close()
        self.files = []


def rounds_of(measures, rounds, turn, budget=10):
    """{name: [figure of each round]} of `measures`, {name: function}, called in turn; at least three rounds,
    and no more of them once `budget` seconds have passed."""
    figures, begin = {name: [] for name in measures}, time.time()
    for number in range(rounds):
        if number >= 3 and time.time() - begin > budget:
            break
        with turn:
            for name, measure in measures.items():
                figures[name].append(measure())
    return figures


def compare(workload, runners, rounds, seconds, turn, budget=10):
    """Measures `workload` in all runners, netc first; a runner that fails is a row's error, not the end."""
    measures, errors = {}, {}
    for runner in runners:
        try:
            runner.prepare(workload)
            measures[runner.name] = lambda runner=runner: runner.measure(seconds)
        except Failed as error:
            errors[runner.name] = str(error)
    row = summary(rounds_of(measures, rounds, turn, budget), "us")
    return dict(row, errors=errors) if errors else row


def summary(figures, unit):
    """Medians and ratios of rounds, {name: [figure of each round]} with netc among the names. A ratio is the
    median over the rounds of a peer's figure by netc's of the same round; the best peer has the least."""
    row = dict(unit=unit, median={name: round(statistics.median(f), 4) for name, f in figures.items() if f})
    ratios = {name: round(statistics.median(p / n for p, n in zip(f, figures["netc"])), 3)
              for name, f in figures.items() if name != "netc" and f and figures.get("netc")}
    if ratios:
        best = min(ratios, key=ratios.get)
        row.update(ratios=ratios, best=best, ratio=ratios[best])
    return row
