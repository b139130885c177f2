/* Predicted against true, one point a prediction. */

const LETTERS_A_LINE = 56;

/** A long name (a SMILES can have hundreds of letters) over several lines. */
function wrapped(text) {
  const letters = [...String(text)];
  const lines = [];
  for (let at = 0; at < letters.length; at += LETTERS_A_LINE) lines.push(plainText(letters.slice(at, at + LETTERS_A_LINE).join("")));
  return lines.join("<br>");
}

function residualTraces(range) {
  const { names, true: known, predicted } = records.preview;
  const identity = { type: "scatter", mode: "lines", x: range, y: range, line: { color: color("muted"), width: 1.2, dash: "4px,4px" }, hoverinfo: "skip" };
  const points = {
    type: "scatter",
    mode: "markers",
    x: known,
    y: predicted,
    customdata: names.map((name, at) => `${wrapped(name)}<br>true ${numberText(known[at])}, predicted ${numberText(predicted[at])}`),
    marker: { color: translucent(color("accent"), known.length > 800 ? 0.35 : 0.6), size: known.length > 800 ? 5 : 7, line: { width: 0 } },
    hovertemplate: "%{customdata}<extra></extra>",
  };
  return [identity, points];
}

function drawResiduals() {
  const { unit, true: known, predicted } = records.preview;
  let [low, high] = [Infinity, -Infinity];
  for (const value of [...known, ...predicted]) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const range = paddedRange([low, high]);
  const label = (word) => plainText(unit ? `${word}, ${unit}` : word);
  plot(byId("residuals-view"), residualTraces(range), {
    xaxis: axis(label("true"), { range, zeroline: false, constrain: "domain", nticks: 8 }),
    yaxis: axis(label("predicted"), { range, zeroline: false, scaleanchor: "x", constrain: "domain", nticks: 8 }),
    margin: { l: 60, r: 12, t: 8, b: 48 },
    hovermode: "closest",
    hoverlabel: { bgcolor: color("card"), bordercolor: color("rule"), align: "left", font: { size: 13, color: color("ink") } },
  });
}

function drawHistogram() {
  const { unit, true: known, predicted } = records.preview;
  const errors = {
    type: "histogram",
    x: predicted.map((value, at) => value - known[at]),
    nbinsx: 40,
    marker: { color: translucent(color("accent"), 0.6), line: { color: color("card"), width: 1 } },
    hovertemplate: "error %{x}: %{y}<extra></extra>",
  };
  plot(byId("histogram-view"), [errors], {
    xaxis: axis(plainText(`predicted minus true${unit ? `, ${unit}` : ""}`), { zerolinecolor: color("muted"), nticks: 8 }),
    yaxis: axis("", { nticks: 4 }),
    margin: { l: 34, r: 8, t: 6, b: 40 },
    bargap: 0,
  });
}

function startResiduals() {
  if (!byId("residuals-view")) return;
  keepDrawn(drawResiduals);
  keepDrawn(drawHistogram);
}
