"""The showcase, at many learning rates and momenta; `python -m bench.showcase` draws it at its full size."""

from __future__ import annotations

import numpy as np

import fastgd
from bench.peers.itself import bumps, showcase_settings
from bench.showcase import LIGHTEST, NEAR, draw, pixels, shades
from bench.works import Showcase

WORK = "showcase"
GROUP = "l. a fractal boundary, learning rate by momentum"
CASES = {"full": [Showcase(1024)], "small": [Showcase(128)]}


def test_showcase(compare, case):
    compare(case)


def test_picture(tmp_path):
    case = Showcase(64)
    problem = bumps(case)
    window = (case.rate_window, case.momentum_window)
    axes = {"x": "learning_rate", "y": "momentum"}
    whole = fastgd.zoom(problem, **axes, window=window, shape=case.cells, **showcase_settings(case))
    shade = shades(whole)
    np.testing.assert_array_equal(shade < 0.0, whole.failed)
    assert LIGHTEST <= np.abs(shade).min() < np.abs(shade).max() <= 1.0
    for phase in (whole.failed, ~whole.failed):
        order = np.argsort(whole.steps[phase], kind="stable")
        assert (np.diff(np.abs(shade[phase])[order]) >= 0.0).all()
    assert pixels(whole).shape == (64, 64, 3)
    near = fastgd.zoom(problem, whole, window=NEAR, shape=case.cells)
    draw([whole, near], tmp_path / "showcase.png")
    assert (tmp_path / "showcase.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
