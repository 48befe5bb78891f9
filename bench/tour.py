"""The pictures of the README's tour, from real runs: `python -m bench.tour` writes bench/tour_*.png.

That of the page is a screenshot by Chromium, which must be on the path.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import fastgd

FOLDER = Path(__file__).parent
COLOURS = 96  # of a file
SIZE = 6.4, 4.4  # inches
DOTS = 110  # an inch
BROWSER = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1180,1210"]


def save(name: str, picture: Image.Image) -> None:
    """Write a picture with few colours: a tenth of the bytes."""
    path = FOLDER / f"tour_{name}.png"
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def draw(name: str, plot: object) -> None:
    """Write what a picture of fastgd's draws."""
    figure = Figure(SIZE, layout="constrained", dpi=DOTS)
    plot(ax=figure.subplots())
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    save(name, Image.open(drawn))


def photograph(result: fastgd.SweepResult) -> None:
    """Write what a browser shows of a result's page."""
    with tempfile.TemporaryDirectory() as folder:
        page = result.explore(f"{folder}/sweep.html")
        picture = f"{folder}/page.png"
        options = [f"--user-data-dir={folder}/profile", f"--screenshot={picture}", Path(page).as_uri()]
        subprocess.run([*BROWSER, *options], check=True, capture_output=True, timeout=120)
        save("page", Image.open(picture))


def main() -> None:
    problem = fastgd.examples.sine()
    result = fastgd.sweep(problem, learning_rate=np.geomspace(1e-9, 1e-5, 10_000), max_steps=2000)
    draw("loss", result.plot.loss)
    run = fastgd.descend(problem, **result.best.configuration)
    draw("fit", run.plot.fit)
    rates = np.geomspace(1e-8, 1e-4, 300)
    momenta = np.linspace(0.0, 0.99, 200)
    heavy = fastgd.sweep(problem, learning_rate=rates, rule="momentum", momentum=momenta, loss_threshold=9.0)
    draw("map", heavy.plot.map)
    decay = fastgd.descend(fastgd.examples.decay(), learning_rate=0.3, max_steps=10_000, gradient_tolerance=1e-9)
    draw("model", decay.plot.fit)
    photograph(heavy)


if __name__ == "__main__":
    main()
