"""What a figure was measured on: the processor and its limits, and the versions of all programs."""
import os
import re
import subprocess

PACKAGES = ["jax", "torch", "numpy"]


def describe(limits):
    """`limits`: peak and bandwidth as `netc bench --per-kernel` measured them."""
    with open("/proc/cpuinfo") as file:
        name = re.search(r"model name\s*: (.*)", file.read())
    return dict(processor=name.group(1) if name else "unknown", processors=len(os.sched_getaffinity(0)), **limits)


def output(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def versions(netc, python):
    commit = output("git", "-C", os.path.dirname(os.path.abspath(__file__)), "describe", "--always", "--dirty")
    found = dict(netc=f"{output(netc, '--version').removeprefix('netc ')} ({commit})")
    for package in PACKAGES if python else []:
        version = output(python, "-c", f"import importlib.metadata as m; print(m.version('{package}'))")
        if version:
            found[package] = version
    return found
