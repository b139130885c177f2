/* Every run's test figure as one point, with our mean and the published figure. */

const BINS = 48;
const LEAST_HALF_HEIGHT = 3;

const scores = records.scores;
const figureText = (value) => value.toFixed(scores.decimals);
const withUnit = (text) => (scores.unit ? `${text}${scores.unit === "%" ? "\u202f" : " "}${scores.unit}` : text);

/** The axis leaves room on both sides of every value, also where all are the same. */
function paddedRange(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || Math.abs(high) * 0.02 || 1;
  return [low - 0.12 * span, high + 0.12 * span];
}

/** Points that would lie on each other are stacked: 0, 1, -1, 2, ... in steps of one point. */
function stacked(values, [low, high]) {
  const seen = new Map();
  return values.map((value) => {
    const bin = Math.floor((BINS * (value - low)) / (high - low));
    const before = seen.get(bin) ?? 0;
    seen.set(bin, before + 1);
    return before % 2 ? (before + 1) / 2 : -before / 2;
  });
}

function runTrace(runs, range) {
  const heights = stacked(runs.map((run) => run.test), range);
  const half = Math.max(LEAST_HALF_HEIGHT, ...heights.map(Math.abs)) + 0.6;
  const room = byId("runs-view").clientHeight - 70;
  return {
    half,
    trace: {
      type: "scatter",
      mode: "markers",
      x: runs.map((run) => run.test),
      y: heights,
      customdata: runs.map((run) => {
        const validation = run.validation === null ? "" : `, validation ${figureText(run.validation)}`;
        return plainText(`${run.name}: test ${withUnit(figureText(run.test))}${validation}`);
      }),
      marker: {
        color: translucent(color("accent"), 0.75),
        size: Math.max(3, Math.min(11, room / (2 * half) - 1)),
        line: { color: color("card"), width: 1 },
      },
      hovertemplate: "%{customdata}<extra></extra>",
    },
  };
}

function upright(x, tint, dash) {
  return { type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color: tint, width: 2, dash } };
}

function drawRuns() {
  const runs = scores.runs.filter((run) => run.test !== null);
  const { mean, sd, published } = scores;
  const range = paddedRange([...runs.map((run) => run.test), mean, published].filter((value) => value !== null));
  const { half, trace } = runTrace(runs, range);
  const shapes = [];
  if (sd) shapes.push({ type: "rect", x0: mean - sd, x1: mean + sd, y0: 0, y1: 1, yref: "paper", layer: "below", fillcolor: translucent(color("accent"), 0.1), line: { width: 0 } });
  if (runs.length > 1 && mean !== null) shapes.push(upright(mean, color("accent"), "solid"));
  if (published !== null) shapes.push(upright(published, color("type-2"), "5px,4px"));
  plot(byId("runs-view"), [trace], {
    shapes,
    xaxis: axis(plainText(scores.unit ? `test ${scores.label}, ${scores.unit}` : `test ${scores.label}`), { range, zeroline: false, nticks: 8 }),
    yaxis: { range: [-half, half], visible: false, fixedrange: true },
    margin: { l: 14, r: 14, t: 8, b: 44 },
    hovermode: "closest",
  });
  legendOfRuns(runs.length);
}

function legendOfRuns(count) {
  const items = [legendItem(swatch(color("accent"), "dot"), count === 1 ? "the one run" : "one run each")];
  if (count > 1 && scores.mean !== null) {
    items.push(legendItem(swatch(color("accent")), `our mean, ${withUnit(figureText(scores.mean))}`));
  }
  if (scores.sd) items.push(legendItem(swatch(translucent(color("accent"), 0.25), "ramp"), "± one standard deviation"));
  if (scores.published !== null) items.push(legendItem(swatch(color("type-2"), "dashed"), "published"));
  byId("runs-legend").replaceChildren(...items);
}

function startRuns() {
  if (byId("runs-view")) keepDrawn(drawRuns);
}
