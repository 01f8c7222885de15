#!/usr/bin/env python3
"""Runs one peer's training steps for tools/bench/run: a request a line on stdin, an answer a line on stdout.

    peer.py DIR PEER THREADS          DIR holds the peers' programs: jax_step.py, torch_step.py, numpy_step.py …

    {"make": WORKLOAD}   builds the step and runs it three times; answers with the seconds since this process started
    {"time": SECONDS}    measures it for about so long; answers with the median and how many threads were busy

Both answers hold the peak memory so far. A peer that fails answers {"error": TEXT}.
"""
import ctypes
import gc
import importlib
import json
import os
import resource
import statistics
import sys
import time


def build(request, peer, threads):
    package = peer.split("-")[0]
    if "rows" in request:
        import chain_peers
        if package == "torch":
            import torch
            torch.set_num_threads(threads)
        return getattr(chain_peers, "make_" + package)(request)
    import workloads    # the peers' own
    if "channels" in request:
        w = workloads.cnn(request["name"], request["batch"], *request["channels"], request["hidden"])
    else:
        w = workloads.mlp(request["name"], request["batch"], request["layers"], request["loss"], request["optimizer"])
    return importlib.import_module(package + "_step").make(w, peer, threads)


def measure(step, sync, seconds):
    """Median of runs that are each at least 10 ms of steps, like `netc bench`: five, or two when they are long."""
    start = time.perf_counter()
    sync(step())
    inner = max(1, int(0.01 / (time.perf_counter() - start)))
    times, begin, cpu = [], time.perf_counter(), time.process_time()
    while True:
        start = time.perf_counter()
        for _ in range(inner):
            result = step()
        sync(result)
        now = time.perf_counter()
        times.append((now - start) / inner)
        if now - begin >= seconds and (len(times) >= 5 or (len(times) >= 2 and now - begin >= 5 * seconds)):
            busy = (time.process_time() - cpu) / (now - begin)
            return dict(us=statistics.median(times) * 1e6, busy_threads=round(busy, 2))


def main():
    ctypes.CDLL(None).prctl(1, 9)    # PR_SET_PDEATHSIG, SIGKILL: a stopped process would outlive its parent
    folder, peer, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.path.insert(0, folder)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)    # what the libraries print must not stand between the answers
    step = sync = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "make" in request:
                step = sync = None
                gc.collect()
                step, sync = build(request["make"], peer, threads)
                sync(step())
                answer = dict(first_s=time.time() - float(os.environ["BENCH_T0"]))
                begin = time.perf_counter()
                for _ in range(2):
                    if time.perf_counter() - begin < 0.5:
                        sync(step())
            else:
                answer = measure(step, sync, request["time"])
            answer["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        except Exception as error:
            answer = dict(error=f"{type(error).__name__}: {error}"[-400:])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
