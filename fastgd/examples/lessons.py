"""What the command line knows of the built-in problems: a line about each, and the options each has by default.

Defaults are written as they would be typed. Nothing is imported here: `fastgd --help` and `fastgd examples` read this.
The problems themselves stand in `examples`.
"""

from typing import NamedTuple


class Lesson(NamedTuple):
    """One built-in problem on the command line."""

    title: str
    command: str
    sweep: dict[str, str]
    descend: dict[str, str]
    has_intercept: bool = False  # which may be left out
    start: dict[str, float] | None = None  # by parameter, of a problem that is compiled when it is made
    of_angle: bool = False  # whether it is a function of an angle: degrees may be typed


DECAY_START = {"a": 1.0, "b": 0.3, "c": 0.0}


LESSONS = {
    "square": Lesson(
        "theta^2 from theta = 1: rates that crawl, that converge and that blow up",
        "fastgd descend square --learning-rate 0.2 --max-steps 20 --every 1",
        {"learning_rate": "0.001:10:10000", "max_steps": "2000", "tolerance": "1e-5"},
        {"learning_rate": "0.2", "max_steps": "20"},
    ),
    "sine": Lesson(
        "a cubic fitted to a sine at 2,000 points from -pi to pi, sum of squares",
        "fastgd sweep sine --learning-rate 1e-9:1e-5:10000 --max-steps 2000",
        {"learning_rate": "1e-9:1e-5:10000", "max_steps": "2000"},
        {"learning_rate": "1e-6", "max_steps": "2000"},
    ),
    "pizza": Lesson(
        "a line through 30 counts of reservations and pizzas, mean squared error",
        "fastgd sweep pizza --learning-rate 1e-5:1e-2:10000 --max-steps 20000 --gradient-tolerance 1e-6",
        {"learning_rate": "1e-5:1e-2:10000", "max_steps": "20000", "gradient_tolerance": "1e-6"},
        {"learning_rate": "0.001", "max_steps": "20000"},
        has_intercept=True,
    ),
    "dart": Lesson(
        "the angle that throws a dart onto a target 10 m away; angles are in radians, or in degrees as 30deg",
        "fastgd descend dart --learning-rate 0.01 --loss-threshold 0.001 --bounds -90deg:90deg",
        {"learning_rate": "1e-5:1:10000", "max_steps": "2000", "loss_threshold": "0.001", "bounds": "-90deg:90deg"},
        {"learning_rate": "0.01", "max_steps": "1000", "loss_threshold": "0.001", "bounds": "-90deg:90deg"},
        start={"angle": 0.0},
        of_angle=True,
    ),
    "decay": Lesson(
        "a decay a exp(-b x) + c fitted to 60 noisy samples, mean squared error, its derivatives derived",
        "fastgd sweep decay --learning-rate 0.001:10:1000 --max-steps 20000 --gradient-tolerance 1e-6",
        {"learning_rate": "0.001:10:1000", "max_steps": "20000", "gradient_tolerance": "1e-6"},
        {"learning_rate": "0.3", "max_steps": "10000", "gradient_tolerance": "1e-6"},
        start=DECAY_START,
    ),
}
