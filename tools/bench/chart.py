"""docs/benchmarks.svg: the growth curves and the drawn shapes' ratios, readable on light and dark pages."""
import math

import report

WIDTH, HEIGHT = 400, 230          # of a panel
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 40
STYLE = """
text { font: 11px sans-serif; fill: #444 }
.title { font-size: 13px; font-weight: bold; fill: #222 }
.grid { stroke: #8884; stroke-width: 1 }
.a { stroke: #1f6fb4; fill: none; stroke-width: 2 } .a.dot, text.a { fill: #1f6fb4; stroke: none }
.b { stroke: #d1602b; fill: none; stroke-width: 2 } .b.dot, text.b { fill: #d1602b; stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #bbb } .title { fill: #ddd }
  .a { stroke: #6cb2ea } .a.dot, text.a { fill: #6cb2ea }
  .b { stroke: #f0955f } .b.dot, text.b { fill: #f0955f }
}
"""


class Axis:
    """Maps values to pixels; logarithmic ones tick at powers of `base`."""

    def __init__(self, values, low, high, base=None, floor=None):
        self.base, self.low, self.high = base, low, high
        f = self.scale
        first, last = f(min(values) if floor is None else min(floor, *values)), f(max(values))
        if base:
            self.first, self.last = math.floor(first + 1e-9), math.ceil(last - 1e-9)
            self.last += self.first == self.last
            step = max(1, math.ceil((self.last - self.first) / 7))
            self.ticks = [base ** k for k in range(self.first, self.last + 1, step)]
        else:
            step = nice((last - first) / 5 or 1)
            self.first, self.last = math.floor(first / step) * step, math.ceil(last / step) * step or step
            self.ticks = [self.first + i * step for i in range(round((self.last - self.first) / step) + 1)]

    def scale(self, value):
        return math.log(value, self.base) if self.base else value

    def __call__(self, value):
        share = (self.scale(value) - self.first) / (self.last - self.first)
        return self.low + share * (self.high - self.low)


def nice(step):
    """The next of 1, 2, 5, 10, … that is at least `step`."""
    power = 10 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


def number(value):
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"


def panel(title, label, curves, x_base=None, y_base=None, floor=0):
    """A drawing of `curves`, {name: [(x, y) …]}."""
    points = [p for curve in curves.values() for p in curve]
    x = Axis([p[0] for p in points], LEFT, WIDTH - RIGHT, x_base)
    y = Axis([p[1] for p in points], HEIGHT - BOTTOM, TOP, y_base, None if y_base else floor)
    parts = [f'<text class="title" x="{LEFT}" y="16">{title}</text>',
             f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{label}</text>']
    for tick in y.ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
                     f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    for tick in x.ticks:
        parts.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{number(tick)}</text>')
    for style, (name, curve) in zip("ab", curves.items()):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in curve)
        parts.append(f'<polyline class="{style}" points="{path}"/>')
        parts += [f'<circle class="{style} dot" cx="{x(a):.1f}" cy="{y(b):.1f}" r="2.5"/>' for a, b in curve]
        if len(curves) > 1:
            parts.append(f'<text class="{style}" x="{LEFT + 8}" y="{TOP + 12 + 14 * "ab".index(style)}">{name}</text>')
    return "\n".join(parts)


def panels(result):
    rows = result["rows"]
    for kind, text in (("batch", "512-512-512-10"), ("width", "w-w-w-10, batch 128")):
        points = report.growth(rows, kind, "gflops")
        if len(points) > 1:
            yield panel(f"GFLOP/s, {text}", kind, dict(netc=points), x_base=2)
    points = report.growth(rows, "ops", "compile_ms")
    if len(points) > 1:
        yield panel("Compilation of a training step, ms", "ops in the forward function", dict(netc=points), 10, 10)
    shapes = {f"{t} thread{'s' * (t > 1)}": report.ratios(rows, t) for t in (2, 1)}
    curves = {name: list(enumerate(found, 1)) for name, found in shapes.items() if len(found) > 1}
    if curves:
        yield panel("Drawn shapes: best peer's time by netc's", f"shapes of seed {result['seed']}, sorted", curves,
                    None, 2)


def chart(result):
    drawn = list(panels(result))
    height = HEIGHT * math.ceil(len(drawn) / 2)
    groups = [f'<g transform="translate({WIDTH * (i % 2)},{HEIGHT * (i // 2)})">\n{text}\n</g>'
              for i, text in enumerate(drawn)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {height}" width="{2 * WIDTH}" '
            f'height="{height}">\n<style>{STYLE}</style>\n' + "\n".join(groups) + "\n</svg>\n")
