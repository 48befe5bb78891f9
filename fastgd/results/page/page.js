// The page: what is chosen, and what is drawn anew when that changes.

const CURVE_POINTS = 201;
const EARLIER_FITS = 6;

const element = (id) => document.getElementById(id);

// What Bokeh read, as plain objects and arrays: its maps, and its arrays of one dimension and more.
function plain(value) {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, inner]) => [name, plain(inner)]));
  if (value?.shape) return rows(Array.from(value), value.shape);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function rows(flat, [length, ...shape]) {
  if (shape.length === 0) return flat;
  const size = shape.reduce((one, other) => one * other, 1);
  return Array.from({ length }, (_, k) => rows(flat.slice(k * size, (k + 1) * size), shape));
}

// Show an axis of a figure on a scale.
function setAxis(axis, range, scale, label) {
  axis.tags = [scale];
  axis.axis_label = label;
  range.setv({ start: scale.start, end: scale.end, reset_start: scale.start, reset_end: scale.end });
  axis.change.emit(); // ticks and labels may differ on the same range
}

function list(pairs) {
  return pairs.flatMap(([label, text]) => {
    const [term, said] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = label;
    said.textContent = text;
    return [term, said];
  });
}

class Page {
  constructor(sweep, models) {
    this.sweep = sweep;
    this.models = models; // figures and sources by name
    this.index = indexOf(sweep, sweep.cell);
    this.pixelArray = models.image.data.image[0].constructor;
    if (models.samples) this.overSamples(models.samples.data);
    this.listen();
    this.choose(sweep.cell);
    this.drawCells();
  }

  get chosen() {
    const [x, y, colour, steps] = ["x", "y", "colour", "steps"].map((id) => element(id).value);
    return { index: this.index, x, y, colour, steps };
  }

  listen() {
    this.was = this.chosen;
    for (const id of ["x", "y"]) element(id).addEventListener("change", () => this.axesChanged(id));
    element("colour").addEventListener("change", () => this.drawCells());
    element("steps").addEventListener("change", () => this.drawChosen());
    this.sweep.axes.forEach((_, k) => {
      element(`axis-${k}`).addEventListener("input", (event) => this.moved(k, Number(event.target.value)));
    });
    element("best")?.addEventListener("click", () => this.choose(this.sweep.cell));
    const { cells } = this.models;
    cells.on_event("mousemove", (event) => this.hovered(event));
    cells.on_event("mouseleave", () => { element("tip").hidden = true; });
    cells.on_event("tap", (event) => {
      const cell = this.cellAt(event);
      if (cell !== undefined) this.choose(cell);
    });
  }

  // An axis cannot be both: the other one takes the place of what was there, or the next where that is a measure.
  axesChanged(id) {
    const [own, other] = [element(id), element(id === "x" ? "y" : "x")];
    if (own.value === other.value) {
      const allowed = Array.from(other.options, (option) => option.value);
      const before = this.was[id];
      other.value = allowed.includes(before) ? before : allowed.find((name) => name !== own.value);
    }
    this.was = this.chosen;
    this.drawCells();
  }

  moved(k, value) {
    this.index[k] = value;
    const { x, y } = this.chosen;
    if (this.sweep.zipped || [x, y].includes(this.sweep.axes[k].name)) this.drawRing();
    else this.drawCells();
    this.drawChosen();
  }

  choose(cell) {
    this.index = indexOf(this.sweep, cell);
    this.index.forEach((value, k) => { element(`axis-${k}`).value = value; });
    if (this.picture) this.drawRing();
    this.drawChosen();
  }

  // ---- the picture of all cells

  drawCells() {
    const { chosen, sweep, models } = this;
    const picture = pictureOf(sweep, chosen);
    this.picture = picture;
    for (const [id, shown] of [["colour-row", picture.map], ["shades", picture.map], ["markers", !picture.map]])
      element(id).hidden = !shown;
    element("measure").textContent = chosen.colour;
    const { x, y } = picture.scales;
    setAxis(models.cells.below[0], models.cells.x_range, x, chosen.x);
    setAxis(models.cells.left[0], models.cells.y_range, y, chosen.y);
    const { colour = [], marker = [], pixels = new Uint32Array(1), columns = 1 } = picture;
    models.points.data = { x: picture.x ?? [], y: picture.y ?? [], colour, marker };
    models.image.data = {
      image: [new this.pixelArray(pixels.buffer, [pixels.length / columns, columns])],
      x: [x.start], y: [y.start], dw: [x.end - x.start], dh: [y.end - y.start],
    };
    this.drawRing();
  }

  drawRing() {
    const { chosen, sweep, picture } = this;
    const cell = cellOf(sweep, this.index);
    this.models.chosen.data = {
      x: [placeAlong(sweep, picture.scales.x, chosen.x, cell)],
      y: [placeAlong(sweep, picture.scales.y, chosen.y, cell)],
    };
  }

  cellAt({ x, y }) {
    const { x_range, y_range } = this.models.cells;
    return cellAt(this.picture, x, y, { x: x_range.end - x_range.start, y: y_range.end - y_range.start });
  }

  hovered(event) {
    const tip = element("tip");
    const cell = this.cellAt(event);
    tip.hidden = cell === undefined;
    if (tip.hidden) return;
    tip.replaceChildren(...list(facts(this.sweep, configurationOf(this.sweep, cell))));
    const frame = element("cells").getBoundingClientRect();
    const across = event.sx > frame.width / 2 ? event.sx - tip.offsetWidth - 16 : event.sx + 16;
    const down = Math.min(event.sy + 12, Math.max(0, frame.height - tip.offsetHeight));
    tip.style.transform = `translate(${Math.max(0, across)}px, ${down}px)`;
  }

  // ---- the chosen configuration

  drawChosen() {
    const { sweep } = this;
    const own = configurationOf(sweep, cellOf(sweep, this.index));
    sweep.axes.forEach(({ name }, k) => {
      const start = sweep.starts[own.start];
      const text = short(name === "start" && start?.length === 1 ? start[0] : own[name]);
      element(`axis-${k}`).setAttribute("aria-valuetext", text);
      element(`value-${k}`).textContent = text;
    });
    element("facts").replaceChildren(...list(facts(sweep, own)));
    const descent = descentOf(sweep, own);
    element("note").textContent = `${descent.note}.`;
    this.drawDescent(own, descent);
    if (this.models.fit) this.drawFit(descent);
  }

  drawDescent(own, { step, loss }) {
    const { descent, states, end } = this.models;
    const scales = { x: scaleOf(step, { kind: this.chosen.steps }), y: scaleOf(loss) };
    setAxis(descent.below[0], descent.x_range, scales.x, "step");
    setAxis(descent.left[0], descent.y_range, scales.y, "loss");
    const x = step.map((value) => place(scales.x, value));
    const y = loss.map((value) => place(scales.y, value));
    states.data = { x, y, step, loss };
    end.data = { x: x.slice(-1), y: y.slice(-1), marker: [MARKERS[Math.sign(own.status.code)]] };
  }

  // ---- the curve over samples

  overSamples({ x, y }) {
    const across = scaleOf(x, { kind: "linear" });
    const [left, right] = new Set(x).size > 1 ? extremes(Array.from(x)) : [across.start, across.end];
    this.at = Array.from({ length: CURVE_POINTS }, (_, k) => left + ((right - left) * k) / (CURVE_POINTS - 1));
    const { fit } = this.models;
    setAxis(fit.below[0], fit.x_range, across, fit.below[0].axis_label);
    setAxis(fit.left[0], fit.y_range, scaleOf(y, { kind: "linear" }), "");
  }

  drawFit({ step, theta }) {
    const { curve: fitted, earlier } = this.models;
    const { powers } = this.sweep;
    const { at } = this;
    const last = step.length - 1;
    const shown = new Set();
    for (let k = 0; k < EARLIER_FITS; k++) shown.add(Math.round((last + 1) ** (k / EARLIER_FITS)) - 1);
    const states = [...shown].filter((k) => k < last && theta[k]);
    earlier.data = {
      xs: states.map(() => at),
      ys: states.map((k) => curve(powers, theta[k], at)),
      step: states.map((k) => step[k]),
      alpha: states.map((_, k) => 0.25 + (0.5 * k) / EARLIER_FITS),
    };
    fitted.data = { x: at, y: curve(powers, theta[last], at) };
  }
}

function open(sweep, models) {
  window.fastgd.page = new Page(plain(sweep), models instanceof Map ? Object.fromEntries(models) : models);
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("drawn")));
}

window.fastgd = { ticks, tickLabel, open };
