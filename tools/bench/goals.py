"""What each figure should reach: a least ratio to the best peer, or a most in the figure's own unit."""

RATIO = {
    "zoo/2/linreluMse50k": 1.6, "zoo/2/twoLayer": 4.0, "zoo/2/logreg": 4.3, "zoo/2/mlpSmall": 3.9,
    "zoo/2/mlpMid": 1.8, "zoo/2/mlpBig": 1.28, "zoo/2/cnn": 2.4,
    "chains/2/softmax": 1.0, "chains/2/softmax and gradient": 1.0, "chains/2/layernorm": 1.0,
    "chains/2/layernorm and gradient": 1.0, "chains/2/gelu": 1.0, "chains/2/gelu and gradient": 1.0,
}
MOST = {
    "mnist/2/small": 0.6, "mnist/2/mnist_fast": 0.8, "start/2/mlpSmall": 0.070, "start/2/mlpSmall, cached": 0.025, "start/2/mlpBig": 0.140,
    "start/2/mlpBig, cached": 0.060, "memory/2/mlpBig": 120,
}
# The least test accuracy that such a time counts with.
ACCURACY = {"mnist/2/small": 0.97, "mnist/2/mnist_fast": 0.98}
# Of the drawn shapes, by threads: geometric mean and worst of their ratios.
SHAPES = {2: (2.0, 1.2), 1: (1.8, 1.1)}
# GFLOP/s may fall by this share of the most that a smaller size reached.
FALL = 0.2


def least_ratio(key):
    """The least ratio of a row, None when it has no such goal."""
    part, threads = key.split("/")[:2]
    return SHAPES.get(int(threads), (None, None))[1] if part == "shapes" else RATIO.get(key)


def of(key):
    """The goal in words, empty when there is none."""
    if least_ratio(key):
        return f"≥ {least_ratio(key):g}x"
    if key not in MOST:
        return ""
    most = f"≤ {amount(MOST[key], unit_of(key))}"
    return f"{most} at {ACCURACY[key]:.0%}" if key in ACCURACY else most


def short(key, row):
    """Whether a row misses its goal; a goal that could not be measured is missed."""
    if least_ratio(key):
        return row.get("ratio", 0) < least_ratio(key)
    if row.get("accuracy", {}).get("netc", 1) < ACCURACY.get(key, 0):
        return True
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
