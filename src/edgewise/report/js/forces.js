/* Central forces: masses found against true, the law of distance, errors over long times; all on logarithmic axes. */

/** A logarithmic axis over values, with powers of ten as ticks, at most about eight of them. */
function powersAxis(title, values, more = {}) {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const low = Math.floor(Math.min(...logs));
  const high = Math.ceil(Math.max(...logs));
  const step = Math.max(1, Math.ceil((high - low) / 8));
  const powers = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, index) => low + index * step);
  const ticks = { tickvals: powers.map((power) => 10 ** power), ticktext: powers.map((power) => `10<sup>${power}</sup>`) };
  return axis(title, { type: "log", zeroline: false, ...ticks, ...more });
}

const titleIn = (text, unit) => plainText(unit ? `${text}, ${unit}` : text);

function drawMasses() {
  const { names, true: known, found, mass_unit: unit } = records.preview;
  const ends = [Math.min(...known), Math.max(...known)];
  const scale = unit ? 1 : Math.exp(found.reduce((sum, value, at) => sum + Math.log(value / known[at]), 0) / found.length);
  const identity = { type: "scatter", mode: "lines", x: ends, y: ends.map((value) => value * scale), line: { color: color("muted"), width: 1.2, dash: "4px,4px" }, hoverinfo: "skip" };
  const points = {
    type: "scatter",
    mode: "markers+text",
    x: known,
    y: found,
    text: names.map((name) => plainText(shortened(name))),
    textposition: "bottom right",
    textfont: { color: color("ink"), size: 11 },
    marker: { color: color("accent"), size: 8 },
    hovertemplate: "%{text}: true %{x:.6~g}, found %{y:.6~g}<extra></extra>",
  };
  plot(byId("masses-view"), [identity, points], {
    xaxis: powersAxis(titleIn("true", unit), known),
    yaxis: powersAxis(titleIn("found", unit), found),
    margin: { l: 60, r: 60, t: 8, b: 48 },
    hovermode: "closest",
  });
}

function drawRadialLaw() {
  const { distance, power, free, length } = records.preview;
  const laws = [
    { text: "power law", values: power, tint: "accent" },
    { text: "free law", values: free, tint: "type-1" },
  ].filter(({ values }) => values.length);
  const traces = laws.map(({ text, values, tint }, index) => ({
    type: "scatter",
    mode: "lines",
    x: distance,
    y: values,
    line: { color: color(tint), width: index ? 2 : 3, dash: index ? "5px,4px" : "solid" },
    hovertemplate: `${text} %{y:.4~g}<extra></extra>`,
  }));
  plot(byId("radial-law-view"), traces, {
    xaxis: powersAxis(titleIn("distance", length), distance),
    yaxis: powersAxis("pull of a strength of 1", laws.flatMap(({ values }) => values)),
    hovermode: "x",
  });
  byId("radial-law-legend").replaceChildren(...laws.map(({ text, tint }, index) => legendItem(swatch(color(tint), index ? "dashed" : ""), text)));
}

function drawLongForecast() {
  const { stamps, errors, time, length } = records.preview;
  const tints = ["accent", "type-1", "type-2", "type-3", "type-4", "type-5"];
  const traces = errors.map(({ name, values }, index) => ({
    type: "scatter",
    mode: "lines",
    name: plainText(name),
    x: stamps,
    y: values.map((value) => (value > 0 ? value : null)),
    line: { color: color(tints[index % tints.length]), width: 1.6, dash: ["solid", "6px,3px", "2px,2px"][Math.floor(index / tints.length) % 3] },
    hovertemplate: `${plainText(name)} %{y:.2~e}<extra></extra>`,
  }));
  plot(byId("long-forecast-view"), traces, {
    xaxis: axis(plainText(time), { zeroline: false }),
    yaxis: powersAxis(titleIn("distance from the recording", length), errors.flatMap(({ values }) => values)),
    showlegend: true,
    legend: { font: { color: color("ink"), size: 11 } },
    hovermode: "closest",
  });
}

function startForces() {
  if (byId("masses-view")) keepDrawn(drawMasses);
  if (byId("radial-law-view")) keepDrawn(drawRadialLaw);
  if (byId("long-forecast-view")) keepDrawn(drawLongForecast);
}
