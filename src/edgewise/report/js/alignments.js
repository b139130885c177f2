/* Where a model of sequences looked, and its figure by length of the source. */

const alignments = records.preview.alignments ?? [];
const MOST_PIECES = 60;

function pieceAxis(title, pieces, more) {
  const places = pieces.map((_, place) => place);
  const text = pieces.map((piece) => plainText(shortened(piece, 12)));
  const ticks = pieces.length <= MOST_PIECES ? { tickvals: places, ticktext: text } : {};
  return axis(title, { ...ticks, showgrid: false, zeroline: false, showline: false, ticks: "", ...more });
}

function drawAlignment() {
  const { source, target, weights } = alignments[Number(byId("alignment-choice").value)];
  const trace = {
    type: "heatmap",
    z: weights,
    customdata: weights.map((row, one) =>
      row.map((weight, other) => plainText(`${target[one]} looks at ${source[other]}: ${percentText(weight)}`)),
    ),
    hovertemplate: "%{customdata}<extra></extra>",
    zmin: 0,
    zmax: 1,
    showscale: false,
    xgap: 1,
    ygap: 1,
    colorscale: [[0, color("faint")], [1, color("accent")]],
  };
  plot(byId("alignment-view"), [trace], {
    xaxis: pieceAxis("source", source, { range: [-0.5, source.length - 0.5], tickangle: -60, side: "bottom" }),
    yaxis: pieceAxis("target", target, { range: [target.length - 0.5, -0.5] }),
    margin: { l: 40, r: 6, t: 6, b: 40 },
  });
  const ramp = swatch(color("accent"), "ramp");
  ramp.style.background = `linear-gradient(90deg, ${color("faint")}, ${color("accent")})`;
  byId("alignment-legend").replaceChildren(legendItem(ramp, "attention weight, 0 to 1"));
}

function lengthName({ first, below }) {
  if (below === null) return `${first} or more`;
  return `${first} to ${below - 1}`;
}

function drawLengths() {
  const rows = records.preview.by_length;
  const trace = {
    type: "scatter",
    mode: "lines+markers",
    x: rows.map(lengthName),
    y: rows.map((row) => row.score),
    customdata: rows.map((row) => plainText(`${lengthName(row)}: ${withUnit(figureText(row.score))}, ${row.n} pairs`)),
    hovertemplate: "%{customdata}<extra></extra>",
    line: { color: color("accent"), width: 2 },
    marker: { color: color("accent"), size: 8 },
  };
  plot(byId("length-view"), [trace], {
    xaxis: axis("length of the source", { type: "category" }),
    yaxis: axis(plainText(scores.unit ? `${scores.label}, ${scores.unit}` : scores.label), { rangemode: "tozero" }),
  });
}

function startAlignments() {
  if (byId("alignment-view")) {
    fillSelect(byId("alignment-choice"), alignments.map((one, place) => [place, `${place + 1}: ${shortened(one.source.slice(0, -1).join(" "), 40)}`]));
    byId("alignment-choice").addEventListener("change", drawAlignment);
    keepDrawn(drawAlignment);
  }
  if (byId("length-view")) keepDrawn(drawLengths);
}
