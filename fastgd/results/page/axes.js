// Scales, and the ticks on them. A scale says where on a linear axis a value stands:
//   kind "linear" or "whole": at itself; "log": at its log10; "index": at its number among `values`.
// Beside a scale are places for what is not on it: `floor` for 0 on a logarithmic one, `ceiling`, called `top`, for
// what is not finite or beyond `limit`.

const nice = (least) => {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least * (1 - 1e-9));
};

const between = (start, end, step) => {
  const found = [];
  for (let k = Math.ceil(start / step - 1e-9); k * step <= end + 1e-9 * step; k++) found.push(k * step + 0); // -0 + 0 is 0
  return found;
};

function logTicks(start, end) {
  if (end - start > 2) return between(start, end, Math.max(1, nice((end - start) / 8)));
  const decades = between(Math.floor(start), Math.ceil(end), 1);
  const fine = decades.flatMap((decade) => [1, 2, 5].map((digit) => decade + Math.log10(digit)));
  const inside = fine.filter((tick) => tick >= start && tick <= end);
  if (inside.length >= 3) return inside;
  return between(10 ** start, 10 ** end, nice((10 ** end - 10 ** start) / 6)).map(Math.log10);
}

function ticks(scale, start, end) {
  if (scale === undefined || !(end > start)) return [];
  const margin = 0.04 * (end - start);
  const low = scale.floor === undefined ? start : Math.max(start, scale.floor + margin);
  const high = scale.ceiling === undefined ? end : Math.min(end, scale.ceiling - margin);
  const beside = [scale.floor, scale.ceiling].filter((tick) => tick >= start && tick <= end);
  if (!(high > low)) return beside;
  if (scale.kind === "log") return [...logTicks(low, high), ...beside];
  const step = nice((high - low) / (scale.kind === "index" ? 9 : 8));
  return [...between(low, high, ["index", "whole"].includes(scale.kind) ? Math.max(1, step) : step), ...beside];
}

// In as many digits as tell the ticks apart, `all` of them.
function tickLabel(scale, tick, all = [tick]) {
  if (scale === undefined) return "";
  if (tick === scale.floor) return "0";
  if (tick === scale.ceiling) return scale.top;
  if (scale.kind === "index") return tick in scale.values ? short(scale.values[tick], 4) : "";
  const label = (one, digits) => short(scale.kind === "log" ? 10 ** one : one, digits);
  let digits = 4;
  while (digits < 16 && new Set(all.map((one) => label(one, digits))).size < all.length) digits++;
  return label(tick, digits);
}

// A number in a few digits.
function short(value, digits = 6) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "infinite" : "-infinite";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(digits));
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? rounded.toExponential().replace("e+", "e") : String(rounded);
}

// The scale of some values: logarithmic if none is below 0 and they are not all of one size, or if `kind` says so.
function scaleOf(values, { kind, limit = Infinity, top = "not finite" } = {}) {
  const onScale = Array.from(values).filter((value) => Math.abs(value) <= limit && Number.isFinite(value));
  const positive = onScale.filter((value) => value > 0);
  const least = positive.reduce((one, other) => Math.min(one, other), Infinity);
  const most = positive.reduce((one, other) => Math.max(one, other), 0);
  const chosen = kind ?? (positive.length && onScale.every((value) => value >= 0) && most > 20 * least ? "log" : "linear");
  const ends = chosen === "log" ? [Math.log10(least), Math.log10(most)] : extremes(onScale);
  if (!(ends[1] > ends[0])) spread(ends, chosen === "log" ? 0.5 : Math.abs(ends[0]) / 2 || 1);
  const room = 0.06 * (ends[1] - ends[0]);
  const scale = { kind: chosen, start: ends[0] - room, end: ends[1] + room, limit, top };
  if (chosen === "log" && onScale.length > positive.length) {
    scale.floor = ends[0] - 2 * room;
    scale.start = ends[0] - 3 * room;
  }
  if (onScale.length < values.length) {
    scale.ceiling = ends[1] + 2 * room;
    scale.end = ends[1] + 3 * room;
  }
  return scale;
}

function extremes(values) {
  if (!values.length) return [0, 1];
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

function spread(ends, by) {
  const middle = Number.isFinite(ends[0]) ? ends[0] : 0;
  ends[0] = middle - by;
  ends[1] = middle + by;
}

function place(scale, value) {
  if (!Number.isFinite(value) || Math.abs(value) > scale.limit) return scale.ceiling;
  if (scale.kind !== "log") return value;
  return value > 0 ? Math.log10(value) : scale.floor;
}
