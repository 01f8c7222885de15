"""What each figure should reach: a least ratio to the best peer, or a most in the figure's own unit."""

RATIO = {
    "zoo/2/linreluMse50k": 1.6, "zoo/2/twoLayer": 4.0, "zoo/2/logreg": 4.3, "zoo/2/mlpSmall": 3.9,
    "zoo/2/mlpMid": 1.8, "zoo/2/mlpBig": 1.28,
    "chains/2/softmax": 1.0, "chains/2/softmax and gradient": 1.0, "chains/2/layernorm": 1.0,
    "chains/2/layernorm and gradient": 1.0, "chains/2/gelu": 1.0, "chains/2/gelu and gradient": 1.0,
}
MOST = {
    "mnist/2/small": 0.6, "start/2/mlpSmall": 0.070, "start/2/mlpSmall, cached": 0.025, "start/2/mlpBig": 0.140,
    "start/2/mlpBig, cached": 0.060, "memory/2/mlpBig": 120,
}
# Of the drawn shapes, by threads: geometric mean and worst of their ratios.
SHAPES = {2: (2.0, 1.2), 1: (1.8, 1.1)}
# GFLOP/s may fall by this share of the most that a smaller size reached.
FALL = 0.2


def of(key):
    """The goal in words, empty when there is none."""
    if key in RATIO:
        return f"≥ {RATIO[key]:g}x"
    return f"≤ {amount(MOST[key], unit_of(key))}" if key in MOST else ""


def short(key, row):
    """Whether a row misses its goal; a goal that could not be measured is missed."""
    if key in RATIO:
        return row.get("ratio", 0) < RATIO[key]
    return key in MOST and row.get("median", {}).get("netc", float("inf")) > MOST[key]


def unit_of(key):
    return "MB" if key.startswith("memory") else "s" if key.startswith(("mnist", "start")) else "us"


def amount(value, unit):
    """12.34 µs, 719 µs, 44.4 ms, 1.06 s, 105 MB: three digits."""
    if unit == "us":
        scale = max(i for i in range(3) if i == 0 or value >= 1000 ** i)
        value, unit = value / 1000 ** scale, ("µs", "ms", "s")[scale]
    elif unit == "s" and value < 1:
        value, unit = value * 1000, "ms"
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"
