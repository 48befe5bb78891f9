// What is drawn, from the sweep and what is chosen: { index: along each axis, x, y, colour, steps }.

const MARKERS = { 1: "circle", 0: "square", "-1": "x" }; // by the sign of a status: told apart without colour too
const CANCELLED = -3;
const SHOWN = 16; // parameters
const MEASURES = ["loss", "steps"];

// ---- configurations

function cellOf(sweep, index) {
  return sweep.axes.reduce((cell, axis, k) => cell * axis.values.length + index[k], 0);
}

function indexOf(sweep, cell) {
  const index = [];
  for (const axis of [...sweep.axes].reverse()) {
    index.unshift(cell % axis.values.length);
    cell = Math.floor(cell / axis.values.length);
  }
  return index;
}

function valueOf(sweep, name, cell) {
  const column = sweep.columns[name];
  if (column === undefined) return sweep.shared[name] ?? (name === "start" ? 0 : cell);
  return column.values[column.axis < 0 ? cell : indexOf(sweep, cell)[column.axis]];
}

// All numbers of a cell's configuration, and where it stopped.
function configurationOf(sweep, cell) {
  const own = { cell };
  for (const name of ["start", "configuration", ...Object.keys(sweep.shared), ...Object.keys(sweep.columns)])
    own[name] = valueOf(sweep, name, cell);
  for (const name of ["loss", "initial_loss", "steps", "theta"]) own[name] = sweep[name][cell];
  own.status = sweep.statuses.find((one) => one.code === sweep.status[cell]);
  return own;
}

// What is said of a configuration: pairs of a label and a text.
function facts(sweep, own) {
  const names = sweep.parameters.slice(0, SHOWN);
  const untold = sweep.parameters.length + sweep.untold - names.length;
  const more = untold ? `, and ${short(untold)} more` : "";
  const numbers = (values) => names.map((name, k) => `${name} ${short(values[k])}`).join(", ") + more;
  const given = Object.keys({ ...sweep.columns, ...sweep.shared }).filter((name) => sweep.given.includes(name));
  const pairs = given.map((name) => [name, short(own[name])]);
  const start = sweep.starts[own.start];
  pairs.push(["start", start ? numbers(start) : `number ${short(own.start)}`]);
  pairs.push(["outcome", `${own.status.name} after ${short(own.steps)} ${own.steps === 1 ? "step" : "steps"}`]);
  pairs.push(["reason", own.status.message]);
  pairs.push(["loss", short(own.loss, 8)]);
  pairs.push(["theta", numbers(own.theta)]);
  return pairs;
}

// ---- the picture of all cells

const isMeasure = (name) => MEASURES.includes(name);

const isMap = (sweep, chosen) => !sweep.zipped && !isMeasure(chosen.y);

const axisNumber = (sweep, name) => sweep.axes.findIndex((axis) => axis.name === name);

// The cells that the picture shows, along its axes; those at the sliders on the others.
function shownCells(sweep, chosen) {
  if (sweep.zipped) return Array.from(sweep.status.keys());
  const index = [...chosen.index];
  const x = axisNumber(sweep, chosen.x);
  const y = isMap(sweep, chosen) ? axisNumber(sweep, chosen.y) : x;
  const cells = [];
  for (let row = 0; row < (y === x ? 1 : sweep.axes[y].values.length); row++) {
    index[y] = row;
    for (let column = 0; column < sweep.axes[x].values.length; column++) {
      index[x] = column;
      cells.push(cellOf(sweep, index));
    }
  }
  return cells;
}

// Where an evenly spaced axis begins and ends: half a cell beyond its outer ones.
function scaleOfAxis({ kind, first, step, values }) {
  return { kind, values, first, step, start: first - step / 2, end: first + step * (values.length - 0.5) };
}

// A measure's scale: what failed may be beyond it, a thousand times above all others, so that those have the room.
function scaleOfMeasure(sweep, name, cells) {
  const values = cells.map((cell) => sweep[name][cell]);
  if (name !== "loss") return scaleOf(values, { kind: "whole" });
  const first = cells.map((cell) => sweep.initial_loss[cell]).filter(Number.isFinite);
  const held = values.filter((value, k) => sweep.status[cells[k]] >= 0 && Number.isFinite(value));
  const most = [...first, ...held].reduce((one, other) => Math.max(one, Math.abs(other)), 0);
  const limit = values.some((value) => Math.abs(value) <= 1e3 * most) ? 1e3 * most : Infinity;
  return scaleOf(values, { limit, top: limit < Infinity ? "beyond" : "not finite" });
}

function scaleAlong(sweep, chosen, name, cells) {
  if (isMeasure(name)) return scaleOfMeasure(sweep, name, cells);
  if (sweep.zipped) return scaleOf(cells.map((cell) => valueOf(sweep, name, cell)));
  return scaleOfAxis(sweep.axes[axisNumber(sweep, name)]);
}

function placeAlong(sweep, scale, name, cell) {
  if (isMeasure(name)) return place(scale, sweep[name][cell]);
  if (sweep.zipped) return place(scale, valueOf(sweep, name, cell));
  return scale.first + scale.step * indexOf(sweep, cell)[axisNumber(sweep, name)];
}

// The cells with their places; for a map the pixels of its image too.
function pictureOf(sweep, chosen) {
  const cells = shownCells(sweep, chosen);
  const scales = { x: scaleAlong(sweep, chosen, chosen.x, cells), y: scaleAlong(sweep, chosen, chosen.y, cells) };
  const picture = { cells, scales, map: isMap(sweep, chosen) };
  if (picture.map) {
    const shade = sweep.shades[chosen.colour];
    picture.pixels = Uint32Array.from(cells, (cell) => sweep.palette[shade[cell]]);
    picture.columns = sweep.axes[axisNumber(sweep, chosen.x)].values.length;
    return picture;
  }
  picture.x = cells.map((cell) => placeAlong(sweep, scales.x, chosen.x, cell));
  picture.y = cells.map((cell) => placeAlong(sweep, scales.y, chosen.y, cell));
  const colour = (status) => (status === CANCELLED ? sweep.grey : sweep.of_sign[Math.sign(status)]);
  picture.colour = cells.map((cell) => colour(sweep.status[cell]));
  picture.marker = cells.map((cell) => MARKERS[Math.sign(sweep.status[cell])]);
  return picture;
}

// The cell at, or nearest to, a place in the picture; `unit` is what counts as 1 along x and y.
function cellAt(picture, x, y, unit) {
  if (picture.map) {
    const { scales, columns, cells } = picture;
    const column = Math.round((x - scales.x.first) / scales.x.step);
    const row = Math.round((y - scales.y.first) / scales.y.step);
    const inside = column >= 0 && column < columns && row >= 0 && row * columns < cells.length;
    return inside ? cells[row * columns + column] : undefined;
  }
  let nearest;
  let least = 0.05 ** 2; // of the picture's width
  picture.cells.forEach((cell, k) => {
    const distance = ((picture.x[k] - x) / unit.x) ** 2 + ((picture.y[k] - y) / unit.y) ** 2;
    if (distance < least) [least, nearest] = [distance, cell];
  });
  return nearest;
}

// ---- the curve over samples

function curve(powers, theta, x) {
  return x.map((at) => theta.reduce((sum, value, k) => sum + value * at ** powers[k], 0));
}
