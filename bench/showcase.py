"""The showcase in full: 16.8 million descents, a picture of them, and what they cost.

    python -m bench.showcase                   run, draw bench/showcase.png, tell times; of JAX too, if it is installed
    python -m bench.showcase --jax-in-full     let JAX do all of it, for many minutes, and not a part of it alone

x^2 + 2.5 cos x, learning rate by momentum, from x = 2. The picture has a cell for each descent: blue if it converged,
red if it diverged, and darker the more steps that took. Each pixel is the mean of the cells in it.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastgd
from bench.compare import ratios, set_up
from bench.measure import interleaved
from bench.peers import PEERS
from bench.peers.itself import bumps, showcase_settings
from bench.works import Showcase

WORK = "showcase"
PART = Showcase(512)  # in which all are compared
NEAR = (2.3237, 2.3643), (0.797, 0.835)  # the window of the second panel
PIXELS = 640  # along a panel
LIGHTEST = 0.25  # from the colours' middle
COLOURS = 128  # of the file
TITLES = ("blue converged, red diverged; darker after more steps", "the square, 16 times nearer")
PICTURE = Path(__file__).parent / "showcase.png"


def shades(result: fastgd.SweepResult) -> np.ndarray:
    """Return -1 to 1 for each cell: below 0 where it failed, and farther from 0 after more steps, ranked by phase."""
    found = np.empty(result.status.shape)
    for phase, sign in ((result.failed, -1.0), (~result.failed, 1.0)):
        steps = result.steps[phase]
        counts = np.bincount(steps)
        ranks = (np.cumsum(counts) - counts / 2.0) / max(steps.size, 1)
        found[phase] = sign * (LIGHTEST + (1.0 - LIGHTEST) * ranks[steps])
    return found


def pixels(result: fastgd.SweepResult) -> np.ndarray:
    """Return the mean colour (momenta, rates, 3) of the cells in each pixel, the least momentum first."""
    from matplotlib import colormaps

    block = max(result.status.shape[0] // PIXELS, 1)
    side = result.status.shape[0] // block
    cells = colormaps["RdYlBu"]((shades(result) + 1.0) / 2.0, bytes=True)[: side * block, : side * block, :3]
    means = cells.reshape(side, block, side, block, 3).mean(axis=(1, 3), dtype=np.float32)
    return np.rint(means).astype(np.uint8).swapaxes(0, 1)


def draw(panels: list[fastgd.SweepResult], path: Path) -> None:
    """Draw results side by side, the second a window of the first."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from PIL import Image

    figure = Figure(figsize=(6.9 * len(panels), 7.0), layout="constrained", dpi=100)
    for k, (ax, result) in enumerate(zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True)):
        rates, momenta = result.axes["learning_rate"], result.axes["momentum"]
        extent = (rates[0], rates[-1], momenta[0], momenta[-1])
        ax.imshow(pixels(result), origin="lower", extent=extent, aspect="auto", interpolation="antialiased")
        ax.set(xlabel="learning rate", ylabel="" if k else "momentum")
        ax.set_title(TITLES[k], fontsize="medium")
        if k + 1 < len(panels):
            near = panels[k + 1].axes
            corner = near["learning_rate"][0], near["momentum"][0]
            sides = np.ptp(near["learning_rate"]), np.ptp(near["momentum"])
            ax.add_patch(Rectangle(corner, *sides, fill=False, edgecolor="black", linewidth=1.2))
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return seconds and what came out."""
    begin = time.perf_counter()
    result = run()
    return time.perf_counter() - begin, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=4096, help="rates, and momenta (default: 4096)")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--jax-in-full", action="store_true")
    arguments = parser.parse_args()
    case = Showcase(arguments.cells)
    problem = bumps(case)
    window = (case.rate_window, case.momentum_window)
    shape = (case.cells, case.cells)
    axes = {"x": "learning_rate", "y": "momentum"}
    fastgd.zoom(problem, **axes, window=window, shape=2, **showcase_settings(case))  # compiles
    seconds, whole = timed(lambda: fastgd.zoom(problem, **axes, window=window, shape=shape, **showcase_settings(case)))
    print(whole, f"\n{whole.status.size:,} descents: {seconds:.2f} s")
    seconds, boundary = timed(lambda: fastgd.boundary(whole))
    print(f"{boundary}: {seconds:.2f} s")
    seconds, near = timed(lambda: fastgd.zoom(problem, whole, window=NEAR, shape=shape))
    print(f"the window {NEAR}: {seconds:.2f} s")
    draw([whole, near], arguments.picture)
    print(f"{arguments.picture}: {arguments.picture.stat().st_size / 1000:.0f} kB")

    checked = set_up(WORK, PART)
    told = ratios(interleaved(checked.runs, budget=1.0), checked)
    over = ", ".join(f"{name} {ratio:.1f}x" for name, ratio in told["ratios"].items())
    print(f"{PART}: {told['seconds']:.3f} s; {over}")
    for name, reason in told["missing"].items():
        print(f"{name}: {reason}")
    if arguments.jax_in_full and told["ratios"]:
        fastest = min(told["ratios"], key=told["ratios"].__getitem__)
        run = PEERS[WORK][fastest].setup(case)
        seconds, (_, loss, steps) = timed(run)
        ours = case.outcomes(whole.loss.ravel(), whole.steps.ravel())
        same = (ours == case.outcomes(np.asarray(loss), np.asarray(steps))).mean()
        print(f"{fastest}, compilation included: {seconds:.0f} s; {same:.4%} of outcomes are the same")


if __name__ == "__main__":
    main()
