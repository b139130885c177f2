/* The law: force against distance with its uncertainty, or a small table of effects where there is no distance. */

function curveTraces(type) {
  const tint = typeColor(type.type);
  const band = { type: "scatter", mode: "lines", x: type.distance, line: { width: 0 }, hoverinfo: "skip" };
  const traces = [];
  if (type.low && type.high) {
    traces.push({ ...band, y: type.low }, { ...band, y: type.high, fill: "tonexty", fillcolor: translucent(tint, 0.18) });
  }
  traces.push({
    type: "scatter",
    mode: "lines",
    x: type.distance,
    y: type.force,
    line: { color: tint, width: 2.5 },
    name: plainText(type.name),
    hovertemplate: `${plainText(type.name)}: %{y:.4~g}<extra></extra>`,
  });
  if (type.density) {
    const fill = translucent(tint, 0.35);
    traces.push({ ...band, y: type.density, yaxis: "y2", fill: "tozeroy", fillcolor: fill });
  }
  return traces;
}

const withUnits = ({ label, units }) => plainText(units && units !== "1" ? `${label} (${units})` : label);

function drawCurves() {
  const drawn = records.law.types.filter((type) => type.distance?.length);
  const hasDensity = drawn.some((type) => type.density);
  const x = withUnits(records.law.x ?? { label: "distance" });
  const layout = {
    xaxis: axis(x, { anchor: hasDensity ? "y2" : "y" }),
    yaxis: axis(withUnits(records.law.y ?? { label: "force" }), { domain: [hasDensity ? 0.2 : 0, 1], zerolinecolor: color("muted") }),
    hovermode: "x",
  };
  if (hasDensity) layout.yaxis2 = axis("seen", { domain: [0, 0.14], showticklabels: false, showgrid: false, rangemode: "tozero" });
  plot(byId("law-view"), drawn.flatMap(curveTraces), layout);
  const items = drawn.map((type) => legendItem(swatch(typeColor(type.type)), type.name));
  if (drawn.some((type) => type.low)) items.push(element("span", "", "shaded: uncertainty"));
  byId("law-legend").replaceChildren(...items);
  byId("law-note").textContent = hasDensity ? "The strip below shows at which distances pairs were seen; elsewhere the curve is a guess." : "";
}

function tableTrace({ features, targets, effect }) {
  const largest = Math.max(...effect.flat().map(Math.abs), 1e-12);
  return {
    type: "heatmap",
    x: features.map(plainText),
    y: (targets ?? features).map(plainText),
    z: effect,
    text: effect.map((row) => row.map((value) => numberText(value))),
    texttemplate: "%{text}",
    textfont: { color: color("ink") },
    hovertemplate: "%{x} of the sender → %{y} of the receiver: %{text}<extra></extra>",
    zmin: -largest,
    zmax: largest,
    showscale: false,
    xgap: 2,
    ygap: 2,
    colorscale: [[0, translucent(color("type-2"), 0.75)], [0.5, color("faint")], [1, translucent(color("type-1"), 0.75)]],
  };
}

/** One small heat-map a type. */
function drawTables() {
  const cells = byId("law-view");
  cells.replaceChildren();
  for (const type of records.law.types.filter((candidate) => candidate.table)) {
    const size = type.table.features.length;
    const view = element("div", "view");
    view.style.height = `${Math.min(420, 170 + 52 * size)}px`;
    view.style.maxWidth = `${180 + 110 * size}px`;
    view.setAttribute("role", "img");
    view.setAttribute("aria-label", `Effects of ${type.name}`);
    cells.append(element("div", "", element("h3", "", type.name), view));
    const quiet = { showgrid: false, zeroline: false, ticks: "", type: "category" };
    plot(view, [tableTrace(type.table)], {
      xaxis: axis("sender", quiet),
      yaxis: axis("receiver", { ...quiet, autorange: "reversed" }),
    });
  }
  byId("law-legend").replaceChildren(
    legendItem(swatch(color("type-1"), "ramp"), "raises"),
    legendItem(swatch(color("type-2"), "ramp"), "lowers"),
  );
  const why = records.law.no_position ? `${records.law.no_position} ` : "";
  byId("law-note").textContent = `${why}A cell says how much the receiver's next increment changes with the sender's feature, on average.`;
}

function startLaw() {
  if (!byId("law-view")) return;
  keepDrawn(records.law.types.some((type) => type.distance?.length) ? drawCurves : drawTables);
}
