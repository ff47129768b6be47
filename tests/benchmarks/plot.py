"""The picture of docs/performance.md: who needs how long, for a first sync and for one again."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("agg")  # no screen is asked for

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.benchmarks.contestant import OURS, RAW_FLOOR, REQUESTS_FLOOR
from tests.benchmarks.harness import short
from tests.benchmarks.peers import AGAIN, FIRST
from tests.benchmarks.result import Figure, Result

COLOURS = {OURS.name: "#1b6ca8", RAW_FLOOR.name: "#9aa5b1", REQUESTS_FLOOR.name: "#9aa5b1"}
OTHERS = "#d98c3f"
INCHES = (9.0, 3.4)
ROOM = 2.4
"""The axis ends at so many times the longest bar, whose label stands behind it."""


def draw(result: Result, path: Path) -> None:
    """Draw the peers' seconds as bars on a logarithmic axis, with the least and the most."""
    shown = [each for each in result.figures if each.group in (FIRST, AGAIN)]
    figure, axes = pyplot.subplots(
        1, 2, figsize=INCHES, sharex=True, sharey=True, layout="constrained"
    )
    for axis, group in zip(axes, (FIRST, AGAIN), strict=True):
        _bars(axis, [each for each in shown if each.group == group])
        axis.set_title(group, fontsize=10, loc="left", fontweight="bold")
    axes[0].set_xlim(
        min(min(each.values) for each in shown) / ROOM,
        max(max(each.values) for each in shown) * ROOM,
    )
    figure.supxlabel(f"seconds, logarithmic; {result.what}", fontsize=8)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    pyplot.close(figure)


def _bars(axis: Axes, figures: list[Figure]) -> None:
    medians = [each.median for each in figures]
    spread = [
        [each.median - min(each.values) for each in figures],
        [max(each.values) - each.median for each in figures],
    ]
    names = [each.name for each in figures]
    colours = [COLOURS.get(name, OTHERS) for name in names]
    axis.barh(names, medians, color=colours, height=0.62, xerr=spread, ecolor="#333333", capsize=2)
    for place, each in enumerate(figures):
        text = f"  {short(each.median)} s"
        axis.text(max(each.values), place, text, va="center", ha="left", fontsize=8)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    if not axis.yaxis_inverted():
        axis.invert_yaxis()
