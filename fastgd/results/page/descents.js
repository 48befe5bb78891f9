// The descent of one configuration, in closed form where the sweep has one. Along each mode of a squared loss of
// curvature lambda, one step from the state (q, v, phi), at first (1, 0, 0), is
//   v <- beta v + q;   u = q | v | q + beta v   by the rules gradient | momentum | nesterov
//   phi <- phi + rate s(t) u;   q <- q - lambda rate s(t) u
// and theta_t = start - directions (phi slopes), loss_t = floor + sum losses q^2. See portrait.py.

const DRAWN = 300; // steps, about
const POWERS = 30_000; // drawn steps times modes, at most
const ITERATED = 4e6; // steps times modes, at most, where a schedule leaves no power to take

const factors = {
  constant: () => 1,
  inverse_time: (own, t) => 1 / (1 + own.decay * t),
  exponential: (own, t) => Math.exp(-own.decay * t),
  inverse_sqrt: (own, t) => 1 / Math.sqrt(1 + own.decay * t),
  cosine: (own, t) => 0.5 * (1 + Math.cos((Math.PI * t) / Math.max(own.max_steps, 1))),
};

function advance(rule, momentum, rate, curvature, [q, v, phi]) {
  const velocity = momentum * v + q;
  const u = rule === "gradient" ? q : rule === "momentum" ? velocity : q + momentum * velocity;
  return [q - curvature * rate * u, velocity, phi + rate * u];
}

// A step is linear in the state: its matrix, by rows.
function stepMatrix(rule, momentum, rate, curvature) {
  const columns = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map((unit) => advance(rule, momentum, rate, curvature, unit));
  return [0, 1, 2].map((row) => columns.map((column) => column[row]));
}

const apply = (matrix, state) => matrix.map((row) => row[0] * state[0] + row[1] * state[1] + row[2] * state[2]);

const product = (one, other) =>
  one.map((row) => [0, 1, 2].map((k) => row[0] * other[0][k] + row[1] * other[1][k] + row[2] * other[2][k]));

function power(matrix, exponent) {
  let result = null;
  for (let square = matrix; ; square = product(square, square)) {
    if (exponent % 2 === 1) result = result === null ? square : product(square, result);
    exponent = Math.floor(exponent / 2);
    if (exponent === 0) return result;
  }
}

// The steps to draw: all of a short descent, else even ones and, for a logarithmic axis, early ones.
function drawnSteps(last, modes) {
  const drawn = Math.max(30, Math.min(DRAWN, POWERS / modes));
  if (last <= drawn) return Array.from({ length: last + 1 }, (_, t) => t);
  const steps = new Set([0, last]);
  for (let k = 1; k < (2 * drawn) / 3; k++) steps.add(Math.round((k * last * 3) / (2 * drawn)));
  for (let k = 0; k < drawn / 3; k++) steps.add(Math.round(last ** ((3 * k) / drawn)));
  return [...steps].sort((one, other) => one - other);
}

function jumping(sweep, own) {
  const matrices = sweep.modes.eigenvalues.map((curvature) =>
    stepMatrix(sweep.rule, own.momentum, own.learning_rate, curvature));
  const powers = new Map(); // many gaps are equal
  return (states, from, to) => {
    const gap = to - from;
    if (!powers.has(gap)) powers.set(gap, matrices.map((matrix) => power(matrix, gap)));
    return states.map((state, k) => apply(powers.get(gap)[k], state));
  };
}

function iterating(sweep, own) {
  const factor = factors[sweep.schedule];
  const { eigenvalues } = sweep.modes;
  return (states, from, to) => {
    for (let t = from; t < to; t++) {
      const rate = own.learning_rate * factor(own, t);
      states = states.map((state, k) => advance(sweep.rule, own.momentum, rate, eigenvalues[k], state));
    }
    return states;
  };
}

function closedForm(sweep, own) {
  const { slopes, losses, floor } = sweep.modes;
  const constant = sweep.schedule === "constant";
  const move = (constant ? jumping : iterating)(sweep, own);
  const start = own.start;
  const last = constant ? own.steps : Math.min(own.steps, Math.floor(ITERATED / slopes[start].length));
  const descent = { step: drawnSteps(last, slopes[start].length), loss: [], theta: [], note: "Drawn in closed form" };
  let states = slopes[start].map(() => [1, 0, 0]);
  let at = 0;
  for (const step of descent.step) {
    if (step > at) states = move(states, at, step);
    at = step;
    descent.loss.push(states.reduce((sum, [q], k) => sum + losses[start][k] * q * q, floor));
    descent.theta.push(sweep.starts[start].map((value, i) =>
      states.reduce((sum, [, , phi], k) => sum - sweep.modes.directions[i][k] * (phi * slopes[start][k]), value)));
  }
  if (last < own.steps) descent.note += `; steps ${short(last)} to ${short(own.steps)} are not drawn`;
  else for (const states of [descent.step, descent.loss, descent.theta]) states.pop();
  add(descent, own.steps, own.loss, own.theta); // as the sweep found it
  return descent;
}

function add(descent, step, loss, theta) {
  descent.step.push(step);
  descent.loss.push(loss);
  descent.theta.push(theta);
}

function recordedDescent(sweep, own) {
  const descent = { step: [], loss: [], theta: [], note: "Drawn as recorded" };
  const { steps, loss, theta } = sweep.recorded;
  steps.forEach((step, k) => {
    if (step < own.steps) add(descent, step, loss[own.cell][k], theta[own.cell][k]);
  });
  add(descent, own.steps, own.loss, own.theta);
  return descent;
}

function endsOnly(sweep, own) {
  const note = "Only the start and the stop are known; a sweep with record_every= shows the way between";
  const descent = { step: [], loss: [], theta: [], note };
  if (own.steps > 0) add(descent, 0, own.initial_loss, sweep.starts[own.start]);
  add(descent, own.steps, own.loss, own.theta);
  return descent;
}

// The states of a configuration `own`, see `configurationOf`: step, loss and theta, and a note on how they are known.
function descentOf(sweep, own) {
  if (sweep.modes && own.start < sweep.modes.slopes.length) return closedForm(sweep, own);
  return sweep.recorded ? recordedDescent(sweep, own) : endsOnly(sweep, own);
}
