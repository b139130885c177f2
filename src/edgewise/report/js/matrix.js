/* The probability of every pair, one row a receiver and one column a sender. */

const NUMBERS_UP_TO = 8;
const PIXELS_A_NAME = 11;

/** One heat-map a type: a cell is drawn by the type that is most probable among the interactions. */
function matrixTrace(type, edges) {
  const filled = (value) => Array.from({ length: nEntities }, () => Array(nEntities).fill(value));
  const [strength, text] = [filled(null), filled("")];
  for (const edge of edges.filter((candidate) => candidate.type === type)) {
    strength[edge.receiver][edge.sender] = edge.strength;
    text[edge.receiver][edge.sender] = plainText(`${pairName(edge)}: ${pairValues(edge)}`);
  }
  const gap = nEntities > 20 ? 1 : 2;
  return {
    type: "heatmap",
    z: strength,
    customdata: text,
    hovertemplate: "%{customdata}<extra></extra>",
    hoverongaps: false,
    zmin: 0,
    zmax: 1,
    showscale: false,
    xgap: gap,
    ygap: gap,
    colorscale: [[0, color("faint")], [1, typeColor(type)]],
  };
}

/** The probability in every cell of a small matrix. */
function numberTrace(edges) {
  return {
    type: "scatter",
    mode: "text",
    x: edges.map((edge) => edge.sender),
    y: edges.map((edge) => edge.receiver),
    text: edges.map((edge) => edge.strength.toFixed(2)),
    textfont: { color: edges.map((edge) => color(edge.strength > 0.5 ? "on-accent" : "ink")) },
    hoverinfo: "skip",
  };
}

/** A cross on every pair whose most probable type is not the known one, with a rim so that it shows on any colour. */
function crosses(edges) {
  const wrong = edges.filter((edge) => edge.wrong);
  const [size, line] = nEntities > 50 ? [3, 1] : nEntities > 20 ? [6, 2] : [12, 2];
  return [
    { tint: color("card"), width: line + 3 },
    { tint: color("ink"), width: line },
  ].map(({ tint, width }) => ({
    type: "scatter",
    mode: "markers",
    x: wrong.map((edge) => edge.sender),
    y: wrong.map((edge) => edge.receiver),
    hoverinfo: "skip",
    marker: { symbol: "x-thin", size, line: { color: tint, width } },
  }));
}

function matrixTraces(edges) {
  const cells = interactionTypes.map((type) => matrixTrace(type, edges));
  const numbers = nEntities <= NUMBERS_UP_TO ? [numberTrace(edges.filter((edge) => !edge.wrong))] : [];
  return [...cells, ...numbers, ...crosses(edges)];
}

function drawMatrix() {
  const edges = pairs(choices.window, true);
  const places = preview.entities.map((_, entity) => entity);
  const roomForNames = (0.75 * byId("matrix-view").clientWidth) / nEntities >= PIXELS_A_NAME;
  const ticks = roomForNames ? { tickvals: places, ticktext: preview.entities.map((text) => plainText(shortened(text, 12))) } : {};
  const [from, to] = records.undirected ? ["", ""] : ["sender", "receiver"];
  const shared = { ...ticks, showgrid: false, zeroline: false, showline: false, ticks: "", constrain: "domain", range: [-0.5, nEntities - 0.5] };
  plot(byId("matrix-view"), matrixTraces(edges), {
    xaxis: axis(from, { ...shared, side: "bottom", tickangle: nEntities > 10 ? -90 : 0 }),
    yaxis: axis(to, { ...shared, range: [nEntities - 0.5, -0.5], scaleanchor: "x" }),
    font: { size: nEntities > 20 ? 10 : 13, color: color("muted"), family: getComputedStyle(document.body).fontFamily },
    margin: { l: 40, r: 6, t: 6, b: 40 },
  });
  noteMatrix(edges);
}

function noteMatrix(edges) {
  const known = edges.filter((edge) => edge.known !== null);
  const wrong = known.filter((edge) => edge.wrong).length;
  byId("matrix-note").textContent = known.length ? `${known.length - wrong} of ${known.length} as in the known graph` : "no known graph to compare with";
  const ramps = interactionTypes.map((type) => {
    const ramp = swatch(typeColor(type), "ramp");
    ramp.style.background = `linear-gradient(90deg, ${color("faint")}, ${typeColor(type)})`;
    return legendItem(ramp, `${preview.types[type]}, 0 to 1`);
  });
  if (known.length) ramps.push(legendItem(element("i", "swatch cross", "×"), "wrong type"));
  byId("matrix-legend").replaceChildren(...ramps);
}

function startMatrix() {
  keepDrawn(drawMatrix);
  when(["sequence", "window"], drawMatrix);
}
