/* Learning curves: every run a thin line, the chosen one in full colour. */

const LOSSES = [
  { key: "train_loss", tint: "type-5", text: "training loss" },
  { key: "validation_loss", tint: "type-1", text: "validation loss" },
];
const LOG_FROM = 20;

let chosenCurve = records.chosen;

/** One trace for all runs but the chosen one, with a gap between two runs. */
function thinTrace(key, tint, more) {
  const others = records.curves.filter((curve, index) => index !== chosenCurve && curve[key].length);
  const opacity = Math.max(0.12, Math.min(0.45, 4 / Math.max(1, others.length)));
  return {
    type: "scatter",
    mode: "lines",
    x: others.flatMap((curve) => [...curve.epoch, null]),
    y: others.flatMap((curve) => [...curve[key], null]),
    line: { color: translucent(tint, opacity), width: 1 },
    hoverinfo: "skip",
    ...more,
  };
}

function chosenTrace(key, tint, text, more) {
  const curve = records.curves[chosenCurve];
  return {
    type: "scatter",
    mode: "lines",
    x: curve.epoch,
    y: curve[key],
    line: { color: tint, width: 2.2 },
    hovertemplate: `${plainText(text)} %{y:.4~g}<extra></extra>`,
    ...more,
  };
}

/** Losses that span more than a factor of `LOG_FROM` are drawn on a logarithmic axis. */
function lossScale() {
  let [least, most] = [Infinity, -Infinity];
  for (const curve of records.curves) {
    for (const { key } of LOSSES) {
      for (const value of curve[key]) {
        if (value === null) continue;
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    }
  }
  return least > 0 && most > LOG_FROM * least ? { type: "log", ...logTicks(least, most) } : {};
}

/** 1, 2 and 5 of every power of ten; powers alone where there are many. */
function logTicks(least, most) {
  const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const steps = high - low > 3 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  const tickvals = powers.flatMap((power) => steps.map((step) => step * 10 ** power));
  return { tickvals, ticktext: tickvals.map((value) => numberText(value)) };
}

function bestEpoch() {
  const epoch = records.curves[chosenCurve].best_epoch;
  if (epoch === null) return [];
  return [{ ...upright(epoch, color("muted"), "2px,3px"), line: { color: color("muted"), width: 1.2, dash: "2px,3px" } }];
}

const curvesWithMetric = records.curves.some((curve) => curve.validation_metric.length);

function drawCurves() {
  const losses = LOSSES.filter(({ key }) => records.curves.some((curve) => curve[key].length));
  const traces = losses.flatMap(({ key, tint }) => [thinTrace(key, color(tint))]);
  traces.push(...losses.map(({ key, tint, text }) => chosenTrace(key, color(tint), text)));
  const layout = {
    xaxis: axis("epoch", { zeroline: false }),
    yaxis: axis("loss", { zeroline: false, ...lossScale() }),
    shapes: bestEpoch(),
    hovermode: "x",
  };
  if (curvesWithMetric) {
    const green = color("type-3");
    const text = `validation ${scores.label}`;
    traces.push(thinTrace("validation_metric", green, { yaxis: "y2" }));
    traces.push(chosenTrace("validation_metric", green, text, { yaxis: "y2" }));
    layout.xaxis.anchor = "y2";
    layout.yaxis.domain = [0.44, 1];
    layout.yaxis2 = axis(plainText(scores.unit ? `${scores.label}, ${scores.unit}` : scores.label), { domain: [0, 0.36], zeroline: false, nticks: 5 });
  }
  plot(byId("curves-view"), traces, layout);
  legendOfCurves(losses);
}

function legendOfCurves(losses) {
  const curve = records.curves[chosenCurve];
  const items = losses.map(({ tint, text }) => legendItem(swatch(color(tint)), text));
  if (curvesWithMetric) items.push(legendItem(swatch(color("type-3")), `validation ${scores.label}`));
  if (records.curves.length > 1) items.push(element("span", "", `in full colour: ${curve.name}`));
  if (curve.best_epoch !== null) items.push(legendItem(swatch(color("muted"), "dashed"), `kept: epoch ${curve.best_epoch}`));
  byId("curves-legend").replaceChildren(...items);
}

function startCurves() {
  if (!byId("curves-view")) return;
  byId("curve")?.addEventListener("change", (event) => {
    chosenCurve = Number(event.target.value);
    drawCurves();
  });
  keepDrawn(drawCurves);
}
