#!/usr/bin/env python3
"""Tests of tools/bench that measure nothing: bench_test.py NETC"""
import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree

BENCH = pathlib.Path(__file__).resolve().parents[2] / "tools" / "bench"
sys.path.insert(0, str(BENCH))
import chart
import goals
import report
import runners
import zoo

NETC = sys.argv[1] if len(sys.argv) > 1 else "netc"


def program(name):
    """A program of tools/bench as a module."""
    loader = importlib.machinery.SourceFileLoader(name, str(BENCH / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module    # dataclasses look it up
    loader.exec_module(module)
    return module


def recorded():
    """A result of every part, as the suite writes it."""
    figure = dict(unit="us", median=dict(netc=10.0, jax=30.0, numpy=25.0), ratios=dict(jax=3.0, numpy=2.5), best="numpy",
                  ratio=2.5)
    rows = {"zoo/2/mlpMid": dict(figure, shape="784-256-128-10"), "zoo/2/logreg": dict(figure, shape="784-10"),
            "chains/2/gelu": dict(figure, bandwidth_share=0.9), "start/2/mlpBig": dict(figure, unit="s"),
            "mnist/2/small": dict(figure, unit="s", median=dict(netc=0.5, jax=5.0), best="jax",
                                  accuracy=dict(netc=0.9765, jax=0.9764))}
    for threads in (2, 1):
        for i, ratio in enumerate((1.0, 2.0, 8.0)):
            rows[f"shapes/{threads}/shape{i}"] = dict(figure, ratio=ratio, shape=f"{i + 1}-1")
    for kind in ("batch", "width"):
        for size, rate in ((16, 100), (32, 200), (64, 150)):
            rows[f"growth/{kind}/{size}"] = dict(gflops=rate)
    for ops, ms in ((10, 8.0), (100, 31.0)):
        rows[f"growth/ops/{ops}"] = dict(compile_ms=ms)
    machine = dict(processor="a processor", processors=2, threads=2, peak_gflops=228.0, bandwidth_gbytes_per_s=30.0)
    return dict(command="tools/bench/run", date="2026-01-01", seed=1, machine=machine, versions=dict(netc="0.1.0"),
                rows=rows)


class Programs(unittest.TestCase):
    def check(self, *texts):
        with tempfile.TemporaryDirectory() as folder:
            for i, text in enumerate(texts):
                path = pathlib.Path(folder, f"{i}.net")
                path.write_text(text)
                done = subprocess.run([NETC, "check", path], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr + text)

    def test_drawn_shapes_are_programs(self):
        self.check(*map(zoo.net_text, zoo.drawn(7, 20)))

    def test_zoo_and_chains_are_programs(self):
        self.check(*map(zoo.net_text, zoo.ZOO), *map(zoo.chain_text, zoo.CHAINS), zoo.net_text(zoo.grown_ops(100)))

    def test_a_seed_draws_the_same_shapes_within_the_limits(self):
        self.assertEqual(zoo.drawn(3, 50), zoo.drawn(3, 60)[:50])
        self.assertNotEqual(zoo.drawn(3, 50), zoo.drawn(4, 50))
        for w in zoo.drawn(3, 200):
            self.assertIn(len(w.layers) - 1, range(1, 13))
            self.assertIn(w.batch, range(1, 1001))
            for width in w.layers:
                self.assertIn(width, range(1, 2501))
            self.assertTrue(w.layers[-1] == 1 if w.loss == "mse" else w.layers[-1] >= 10)

    def test_flops_of_a_step(self):
        self.assertEqual(zoo.BY_NAME["mlpSmall"].flop, 2 * 32 * (2 * 784 * 128 + 3 * 128 * 10))
        self.assertEqual(zoo.BY_NAME["cnn"].flop, 2 * 64 * (2 * 26 * 26 * 32 * 9 + 3 * (24 * 24 * 64 * 32 * 9 +
                                                                                      9216 * 128 + 1280)))


class Comparison(unittest.TestCase):
    def test_a_ratio_is_the_median_of_its_rounds(self):
        row = runners.summary(dict(netc=[1, 2, 10], jax=[4, 4, 20], numpy=[30, 3, 10]), "us")
        self.assertEqual(row["median"], dict(netc=2, jax=4, numpy=10))
        self.assertEqual(row["ratios"], dict(jax=2.0, numpy=1.5))
        self.assertEqual((row["best"], row["ratio"]), ("numpy", 1.5))

    def test_without_a_peer_there_is_no_ratio(self):
        self.assertNotIn("ratio", runners.summary(dict(netc=[1]), "us"))
        self.assertNotIn("ratio", runners.summary(dict(netc=[], jax=[1]), "us"))

    def test_fallen_names_what_lost_more_than_a_tenth(self):
        committed = dict(a=dict(ratio=2.0), b=dict(ratio=2.0), c=dict(ratio=2.0), d=dict(gflops=5))
        rows = dict(a=dict(ratio=1.81), b=dict(ratio=1.79), c=dict(errors=dict(netc="crashed")), d=dict(gflops=1),
                    new=dict(ratio=0.1))
        self.assertEqual(report.fallen(rows, committed),
                         ["b: 1.79x, committed 2.00x", "c: no ratio, committed 2.00x"])

    def test_rounds_end_when_their_time_is_up(self):
        figures = runners.rounds_of(dict(netc=lambda: 1, jax=lambda: 2), 9, runners.Turn([]), budget=0)
        self.assertEqual(figures, dict(netc=[1, 1, 1], jax=[2, 2, 2]))


class Report(unittest.TestCase):
    def test_a_missed_goal_is_marked(self):
        text = report.page(recorded())
        self.assertRegex(text, r"mlpMid: .* \| numpy 25.0 µs \| 10.0 µs \| 2.50x \| ≥ 1.8x \|")
        self.assertRegex(text, r"logreg: .* \*\*≥ 4.3x: short\*\*")
        self.assertRegex(text, r"2 \| 3 \| 2.52x \| ≥ 2x \| 1.00x \| \*\*≥ 1.2x: short\*\*")
        self.assertRegex(text, r"over the batch .* 25% at 64 \| \*\*≤ 20%: short\*\*")
        self.assertIn("≤ 600 ms at 97% |", text)

    def test_a_fast_training_counts_with_its_accuracy_only(self):
        row = dict(unit="s", median=dict(netc=0.7), accuracy=dict(netc=0.981))
        self.assertFalse(goals.short("mnist/2/mnist_fast", row))
        self.assertTrue(goals.short("mnist/2/mnist_fast", dict(row, accuracy=dict(netc=0.979))))
        self.assertTrue(goals.short("mnist/2/mnist_fast", dict(row, median=dict(netc=0.81))))

    def test_hand_written_text_is_kept(self):
        first = report.page(recorded())
        self.assertTrue(report.page(recorded(), first + "\nWhy logreg falls short.\n").endswith("falls short.\n"))
        self.assertEqual(report.page(recorded(), first), first)

    def test_what_failed_misses_its_goal(self):
        row = dict(unit="us", median={}, errors=dict(netc="exit 70"))
        self.assertTrue(goals.short("zoo/2/mlpBig", row))
        self.assertIn("exit 70", report.line("zoo/2/mlpBig", row))
        result = recorded()
        result["rows"]["zoo/2/mlpBig"] = dict(row, shape="784-10")
        self.assertIn("| failed |", report.page(result))

    def test_the_chart_is_well_formed_with_a_panel_a_curve(self):
        root = xml.etree.ElementTree.fromstring(chart.chart(recorded()))
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(len(root.findall(f"{space}g")), 4)
        self.assertEqual(len(root.findall(f"{space}g/{space}polyline")), 5)

    def test_amounts_have_three_digits(self):
        amounts = [goals.amount(*a) for a in ((0.27, "us"), (719.2, "us"), (44412, "us"), (0.07, "s"), (1.06, "s"))]
        self.assertEqual(amounts, ["0.27 µs", "719 µs", "44.4 ms", "70.0 ms", "1.06 s"])


class Accuracy(unittest.TestCase):
    accuracy = program("accuracy")

    def test_every_net_takes_its_settings(self):
        for net in self.accuracy.NETS:
            done = subprocess.run([NETC, "check", self.accuracy.ROOT / "examples" / net.program, *net.settings()],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_medians_decide(self):
        near, far = dict(netc=[98.0, 98.7, 20.0], torch=[98.2, 98.3, 98.4]), dict(netc=[98.0] * 3, torch=[98.4] * 3)
        self.assertAlmostEqual(self.accuracy.below(near), 0.3)
        net = self.accuracy.NETS[0]
        text = self.accuracy.page([(net, near), (net, far)], 3, dict(netc="0.1.0", torch="2.0"))
        self.assertIn("| 98.00 % (20.00 to 98.70) | 98.30 % (98.20 to 98.40) | -0.30 |", text)
        self.assertIn("| **-0.40: short** |", text)

    def test_goes_on_from_what_was_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "kept.json")
            options = argparse.Namespace(seeds=2, keep=file)
            net = self.accuracy.NETS[0]
            asked = []

            def accuracy(_, net, seed, folder):
                asked.append(seed)
                if seed == 2 and len(asked) == 3:
                    raise runners.Failed("out of time")
                return 97 + seed

            with contextlib.redirect_stdout(io.StringIO()), \
                 unittest.mock.patch.dict(self.accuracy.SYSTEMS, netc=accuracy, torch=accuracy):
                with self.assertRaises(runners.Failed):
                    self.accuracy.measured(options, net, folder, {})
                kept = json.loads(file.read_text())
                self.assertEqual(self.accuracy.measured(options, net, folder, kept), dict(netc=[98, 99], torch=[98, 99]))
            self.assertEqual(asked, [1, 1, 2, 2, 2])


class PeerProcess(unittest.TestCase):
    STEP = ("def make(w, mode, threads):\n"
            "    if w['batch'] == 13: raise ValueError('unlucky')\n"
            "    return lambda: sum(range(10_000)), float\n")

    def test_a_peer_is_made_measured_and_asked_again_after_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "toy_step.py").write_text(self.STEP)
            pathlib.Path(folder, "workloads.py").write_text(
                "def mlp(name, batch, widths, loss, optimizer): return dict(batch=batch)\n")
            peer = runners.Peer(sys.executable, folder, "toy-eager", 1)
            try:
                self.assertGreater(peer.prepare(zoo.BY_NAME["logreg"])["first_s"], 0)
                self.assertGreater(peer.measure(0.01), 0)
                with self.assertRaisesRegex(runners.Failed, "unlucky"):
                    peer.prepare(zoo.Workload("unlucky", 13, (2, 1), "mse", "sgd"))
                peer.prepare(zoo.BY_NAME["mlpBig"])
                self.assertGreater(peer.measure(0.01), 0)
            finally:
                peer.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
