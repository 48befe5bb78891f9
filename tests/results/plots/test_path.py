"""The path on contours of the loss over two parameters: contours are the problem's loss, points the trajectory's."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.contour import ContourSet

import fastgd
from fastgd.results.plots.path import plot_path
from tests.tools.axes import artist, drawn, labels


def contours(ax):
    """Return what was drawn of the loss."""
    (found,) = [each for each in ax.get_children() if isinstance(each, ContourSet)]
    return found


def check_contours(ax, loss_at):
    """Compare the loss along contours with their levels; low ones are narrower than the cells they run through."""
    shown = contours(ax)
    inner = ax.viewLim.expanded(0.99, 0.99)  # the edge closes what is between two contours
    edges = np.concatenate([path.vertices for path in shown.get_paths()])
    loss = loss_at(np.array([vertex for vertex in edges if inner.contains(*vertex)]))
    loss = loss[loss > shown.levels[4]]
    nearest = shown.levels[np.abs(shown.levels - loss[:, None]).argmin(axis=1)]
    assert len(loss) > 500
    assert loss == pytest.approx(nearest, rel=0.02)


@pytest.fixture(scope="module")
def pizza():
    return fastgd.examples.pizza()


@pytest.fixture(scope="module")
def cubic():
    return fastgd.examples.sine()


def test_the_path_of_two_parameters_is_exact(pizza):
    run = fastgd.descend(pizza, learning_rate=0.004, max_steps=200)
    ax = drawn(plot_path, run, pizza)
    points = artist(ax, "_visited")
    assert np.array_equal(points.get_offsets(), run.trajectory.theta)
    assert np.array_equal(points.get_array(), run.trajectory.loss)
    assert np.array_equal(artist(ax, "_way").get_xydata(), run.trajectory.theta)
    assert artist(ax, "minimum").get_xydata()[0] == pytest.approx(pizza.minimum().theta)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("w", "b", "")
    check_contours(ax, pizza.loss)


def test_contours_and_points_share_their_colours(pizza):
    ax = drawn(plot_path, fastgd.descend(pizza, learning_rate=0.004, max_steps=200), pizza)
    points = artist(ax, "_visited")
    assert points.norm is contours(ax).norm
    assert points.cmap.name == contours(ax).cmap.name


def test_levels_are_spaced_by_the_logarithm_of_what_is_above_the_least(pizza):
    ax = drawn(plot_path, fastgd.descend(pizza, learning_rate=0.004, max_steps=200), pizza)
    above = np.log(contours(ax).levels - pizza.minimum().loss)
    assert np.diff(above) == pytest.approx(np.diff(above)[0])


def test_of_more_parameters_the_path_is_projected_and_says_so(cubic):
    run = fastgd.descend(cubic, learning_rate=1e-6, max_steps=2000, record_every=100)
    ax = drawn(plot_path, run, cubic, "c1", "c3")
    points = artist(ax, "_visited")
    assert np.array_equal(points.get_offsets(), run.trajectory.theta[:, [1, 3]])
    assert np.array_equal(points.get_array(), run.trajectory.loss)  # the true one
    least = cubic.minimum().theta
    title = ax.get_title(loc="left")
    assert title.startswith("path projected; contours with the others at the minimum:")
    assert f"c0 = {least[0]:.3g}, c2 = {least[2]:.3g}" in title

    def held(points):
        theta = np.tile(least, (len(points), 1))
        theta[:, [1, 3]] = points
        return cubic.loss(theta)

    check_contours(ax, held)


def test_without_a_minimum_the_others_are_held_at_the_end():
    bowl = fastgd.Objective(lambda t: (t**2).sum(), lambda t: 2 * t, dimension=3, start=[1.0, 2.0, 3.0])
    run = fastgd.descend(bowl, learning_rate=0.1, max_steps=5)
    title = drawn(plot_path, run, bowl).get_title(loc="left")
    assert title == (
        f"path projected; contours with the others at the descent's last state:\ntheta2 = {run.theta[2]:.3g}"
    )


def test_the_colour_bar_tells_its_levels_apart():
    x = np.linspace(-1.0, 1.0, 50)
    fit = fastgd.PolynomialFit(x, x**2, degree=1, loss="absolute")  # whose loss hardly changes near its minimum
    ax = drawn(plot_path, fastgd.descend(fit, learning_rate=0.02, max_steps=300), fit)
    texts = [tick.get_text() for tick in ax.figure.axes[1].get_yticklabels()]
    assert len(set(texts)) == len(texts) > 3


def test_many_parameters():
    rng = np.random.default_rng(0)
    fit = fastgd.LinearFit(rng.normal(size=(50, 400)), rng.normal(size=50))
    ax = drawn(plot_path, fastgd.descend(fit, learning_rate=1e-4, max_steps=5), fit, "w7", "w300")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w7", "w300")
    assert "and 396 more" in ax.get_title(loc="left")


@pytest.mark.parametrize("steps", [0, 1000])
def test_a_descent_that_diverges_or_takes_no_step(pizza, steps):
    run = fastgd.descend(pizza, learning_rate=0.1, max_steps=steps)
    ax = drawn(plot_path, run, pizza)
    assert len(contours(ax).levels) > 2
    if steps:
        assert run.status == fastgd.Status.DIVERGED
        assert "end: failed" in labels(ax)
        assert any(label.startswith("outside (") for label in labels(ax))


def test_of_many_states_it_says_how_many(cubic):
    run = fastgd.descend(cubic, learning_rate=1e-6, max_steps=100_000, record_every=1)
    ax = drawn(plot_path, run, cubic)
    points = artist(ax, "_visited").get_offsets()
    assert len(points) < 2000
    assert f"{len(points):,} of 100,001 states drawn" in ax.get_xlabel()


def test_a_loss_that_is_the_same_everywhere():
    flat = fastgd.Objective(lambda t: 1.0 + 0.0 * t[0], lambda t: 0.0 * t, dimension=2)
    ax = drawn(plot_path, fastgd.descend(flat, learning_rate=0.1, max_steps=3), flat)
    assert "the loss is the same everywhere here" in ax.get_xlabel()


def test_names_are_text_and_no_formula():
    names = ["$x^$", "a\nb"]
    bowl = fastgd.Objective(lambda t: (t**2).sum(), lambda t: 2 * t, dimension=2, start=[1.0, 2.0], parameters=names)
    ax = drawn(plot_path, fastgd.descend(bowl, learning_rate=0.1, max_steps=3), bowl)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"\$x^\$", r"a\nb")


def test_what_can_not_be_drawn_is_told_in_a_sentence(pizza, cubic):
    run = fastgd.descend(pizza, learning_rate=0.001, max_steps=3)
    square = fastgd.examples.square()
    wrong = [
        ((run, pizza, "q"), "x must be one of 'w', 'b', got 'q'"),
        ((run, pizza, None, 3), "y must be one of 'w', 'b', got 3"),
        ((run, pizza, "w", "w"), "y must be another parameter than x, got 'w' for both"),
        ((run, cubic), "problem must be what descended, of 2 parameters, got one of 4"),
        ((3, pizza), "run must be a Descent, which descend() returns, got 3"),
        (
            (fastgd.descend(square, learning_rate=0.1, max_steps=3), square),
            "problem must have two parameters or more for a path on contours, got 1; plot.curve draws the loss of one",
        ),
    ]
    for arguments, sentence in wrong:
        with pytest.raises((ValueError, TypeError)) as error:
            plot_path(*arguments)
        assert str(error.value) == sentence
    with pytest.raises(ValueError, match=r"^a picture of the path needs .* record_every=1, [^.]*$"):
        plot_path(fastgd.descend(pizza, learning_rate=0.001, max_steps=3, record_every=None), pizza)


def test_another_parameter_is_chosen_if_the_first_is_up(pizza):
    ax = drawn(plot_path, fastgd.descend(pizza, learning_rate=0.001, max_steps=3), pizza, None, "w")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("b", "w")


def test_losses_beyond_all_contours():
    problem = fastgd.LinearFit(np.array([[1e150], [2e150]]), np.array([1e150, 2e150]))
    run = fastgd.descend(problem, learning_rate=1e-302, max_steps=3)
    assert "the loss is beyond 1e200 here" in drawn(run.plot.path, problem).get_xlabel()


@pytest.mark.parametrize("picture", ["path", "curve"])
def test_what_is_no_problem(picture, pizza):
    run = fastgd.descend(pizza, learning_rate=0.001, max_steps=3)
    with pytest.raises(TypeError, match=r"^problem must be the problem that descended, got None$"):
        getattr(run.plot, picture)(None)
