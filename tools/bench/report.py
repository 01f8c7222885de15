"""The figures as lines, as docs/benchmarks.md with its chart, and compared with committed ones."""
import math

import goals
from goals import amount

KEPT = "<!-- what follows is written by hand and kept -->"
TOLERANCE = 0.9    # of the committed ratio


def line(key, row):
    """A row for people who wait."""
    text = f"{key:34}"
    if "median" in row:
        text += "   ".join(f"{name} {amount(value, row['unit'])}" for name, value in row["median"].items())
    if "ratio" in row:
        text += f"   {row['ratio']:.2f}x of {row['best']}"
    for name, unit in dict(gflops="GFLOP/s", compile_ms="ms", bandwidth_share="of the bandwidth").items():
        if name in row:
            text += f"   {row[name]} {unit}"
    if goals.short(key, row):
        text += f"   SHORT of {goals.of(key)}"
    for name, error in row.get("errors", {}).items():
        text += f"\n    {name} failed: {error}"
    return text


def fallen(rows, committed):
    """A sentence for every ratio that is less than nine tenths of the committed one, or is not there any more."""
    sentences = []
    for key, row in rows.items():
        before, now = committed.get(key, {}).get("ratio"), row.get("ratio")
        if before and (now is None or now < TOLERANCE * before):
            sentences.append(f"{key}: {'no ratio' if now is None else f'{now:.2f}x'}, committed {before:.2f}x")
    return sentences


def part(rows, prefix):
    return {key[len(prefix):]: row for key, row in rows.items() if key.startswith(prefix)}


def ratios(rows, threads):
    return sorted(row["ratio"] for row in part(rows, f"shapes/{threads}/").values() if "ratio" in row)


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def most_fall(points):
    """The greatest share that (size, rate) points fall below the most of a smaller size, and that size."""
    best, worst = 0, (0, 0)
    for size, rate in points:
        best = max(best, rate)
        worst = max(worst, (1 - rate / best, size))
    return worst


def growth(rows, kind, figure):
    return [(int(size), row[figure]) for size, row in part(rows, f"growth/{kind}/").items() if figure in row]


# --- docs/benchmarks.md

def table(header, lines):
    rule = "|".join(["---"] * len(header))
    return "\n".join([f"| {' | '.join(header)} |", f"|{rule}|"] + [f"| {' | '.join(cells)} |" for cells in lines]) + "\n"


def mark(text, missed):
    return f"**{text}: short**" if missed and text else text


def row_table(rows, prefix, extra=None):
    """Workload, best peer, netc, ratio, goal; `extra` is (title, function of a row)."""
    lines = []
    for name, row in part(rows, prefix).items():
        median, best = row.get("median", {}), row.get("best")
        workload = f"{name}: {row['shape']}" if "shape" in row else name
        cells = [workload, f"{best} {amount(median[best], row['unit'])}" if best else "",
                 amount(median["netc"], row["unit"]) if "netc" in median else "failed",
                 f"{row['ratio']:.2f}x" if "ratio" in row else "",
                 mark(goals.of(prefix + name), goals.short(prefix + name, row))]
        lines.append(cells + ([extra[1](row)] if extra else []))
    return table(["workload", "best peer", "netc", "ratio", "goal"] + ([extra[0]] if extra else []), lines)


def shapes_section(result, threads):
    rows, found = result["rows"], ratios(result["rows"], threads)
    if not found:
        return ""
    least_mean, least = goals.SHAPES.get(threads, (0, 0))
    mean = geometric_mean(found)
    summary = table(["threads", "shapes", "geometric mean", "goal", "worst", "goal"],
                    [[str(threads), str(len(found)), f"{mean:.2f}x", mark(f"≥ {least_mean:g}x", mean < least_mean),
                      f"{found[0]:.2f}x", mark(f"≥ {least:g}x", found[0] < least)]])
    prefix = f"shapes/{threads}/"
    every = part(rows, prefix)
    worst = sorted((k for k in every if "ratio" in every[k]), key=lambda k: every[k]["ratio"])[:10]
    return summary + "\nThe ten lowest:\n\n" + row_table({prefix + k: every[k] for k in worst}, prefix)


def growth_section(rows):
    lines = []
    for kind, figure in (("batch", "512-512-512-10"), ("width", "w-w-w-10, batch 128")):
        points = growth(rows, kind, "gflops")
        if points:
            fall, size = most_fall(points)
            lines.append([f"GFLOP/s over the {kind} ({figure})", f"{points[0][1]:g} to {max(r for _, r in points):g}",
                          f"{fall:.0%}" + (f" at {size}" if size else ""),
                          mark(f"≤ {goals.FALL:.0%}", fall > goals.FALL)])
    text = table(["curve", "from, to", "greatest fall", "goal"], lines) if lines else ""
    times = growth(rows, "ops", "compile_ms")
    if times:
        cells = [[f"{size:,}" for size, _ in times], [amount(ms * 1e3, "us") for _, ms in times],
                 [amount(ms * 1e3 / size, "us") for size, ms in times]]
        text += "\n" + table(["ops in the forward function"] + cells[0],
                             [["compilation of the step"] + cells[1], ["an op"] + cells[2]])
    return text


def page(result, before=""):
    """The whole page. What stands below the mark in the page `before` is kept."""
    rows, machine = result["rows"], result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    sections = ["# Benchmarks\n\n"
                f"Written by `{result['command']}` on {result['date']}, with default settings of netc. netc and the peers\n"
                "take turns on the same machine; a figure is the median of its rounds, a ratio the median over the rounds\n"
                "of the peer's time by netc's. Same batch, loss, optimizer and float32 everywhere; every step is run.\n\n"
                f"- machine: {machine['processor']}, {machine['processors']} processors; with {machine['threads']} threads "
                f"{machine['peak_gflops']:.0f} GFLOP/s of multiply-adds, {machine['bandwidth_gbytes_per_s']:.0f} GB/s of memory\n"
                f"- versions: {versions}\n"]
    threads = sorted({int(k.split("/")[1]) for k in rows if k.startswith(("zoo", "shapes"))}, reverse=True)
    for t in threads:
        if part(rows, f"zoo/{t}/"):
            sections.append(f"## Training steps, {t} thread{'s' * (t > 1)}\n\n" + row_table(rows, f"zoo/{t}/"))
    for t in threads:
        if ratios(rows, t):
            sections.append(f"## MLP shapes drawn from seed {result['seed']}, {t} thread{'s' * (t > 1)}\n\n"
                            + shapes_section(result, t))
    most = machine["threads"]
    if part(rows, "chains/"):
        share = ("of the bandwidth", lambda row: f"{row.get('bandwidth_share', 0):.0%}")
        sections.append("## Row chains, 16 M elements\n\nBytes of the bandwidth: every operand read once, every result "
                        "written once.\n\n" + row_table(rows, f"chains/{most}/", share))
    if part(rows, "mnist/"):
        accuracy = ("test accuracy", lambda row: ", ".join(f"{n} {a:.2%}" for n, a in row["accuracy"].items()))
        sections.append("## MNIST, process start to printed accuracy\n\nKernels are compiled in every run; small is "
                        "784-128-10, five epochs; mnist_fast is the example, seeds 1 to 5.\n\n" + row_table(rows, f"mnist/{most}/", accuracy))
    if part(rows, "start/"):
        sections.append("## Process start to the end of the first step\n\nnetc's figure includes the end of its process. "
                        "Cached: the second process that compiles the program.\n\n" + row_table(rows, f"start/{most}/"))
    if part(rows, "memory/"):
        sections.append("## Peak memory\n\n" + row_table(rows, f"memory/{most}/"))
    if part(rows, "growth/"):
        sections.append("## Growth\n\n![GFLOP/s over batch and width, compile time over ops, ratios of the drawn "
                        "shapes](benchmarks.svg)\n\n" + growth_section(rows))
    kept = before.partition(KEPT)[2] or "\n"
    return "\n".join(sections) + "\n" + KEPT + kept
