/* How well: calibration, forecast errors, and the course of the training. */

function drawCalibration() {
  const { confidence, accuracy, count } = records.calibration;
  const largest = Math.max(...count, 1);
  const seen = confidence.map((_, bin) => bin).filter((bin) => accuracy[bin] !== null && count[bin] > 0);
  const of = (values) => seen.map((bin) => values[bin]);
  const diagonal = { type: "scatter", mode: "lines", x: [0, 1], y: [0, 1], line: { color: color("muted"), width: 1, dash: "4px,4px" }, hoverinfo: "skip" };
  const points = {
    type: "scatter",
    mode: "lines+markers",
    x: of(confidence),
    y: of(accuracy),
    customdata: of(count),
    line: { color: translucent(color("accent"), 0.5), width: 1.5 },
    marker: { color: color("accent"), size: of(count).map((n) => 6 + 16 * Math.sqrt(n / largest)), opacity: 0.85, line: { width: 0 } },
    cliponaxis: false,
    hovertemplate: "confidence %{x:.2f}, hit rate %{y:.3f}, %{customdata} pairs<extra></extra>",
  };
  const range = [0, 1.0001];
  plot(byId("calibration-view"), [diagonal, points], {
    xaxis: axis("confidence", { range, dtick: 0.2 }),
    yaxis: axis("hit rate", { range, dtick: 0.2 }),
    margin: { l: 56, r: 18, t: 18, b: 44 },
  });
}

const FORECAST_STYLES = [
  { tint: "type-0", dash: "6px,3px", symbol: "square" },
  { tint: "type-5", dash: "2px,3px", symbol: "diamond" },
  { tint: "type-4", dash: "8px,3px,2px,3px", symbol: "triangle-up" },
];

function drawForecast() {
  const { steps, unit, ...series } = records.forecast;
  const others = Object.keys(series).filter((key) => key !== "ours");
  const traces = Object.entries(series).map(([key, values]) => {
    const style = key === "ours" ? { tint: "accent", dash: "solid", symbol: "circle" } : FORECAST_STYLES[others.indexOf(key) % FORECAST_STYLES.length];
    return {
      type: "scatter",
      mode: "lines+markers",
      name: plainText(key === "ours" ? "edgewise" : key),
      x: steps,
      y: values,
      line: { color: color(style.tint), width: key === "ours" ? 2.5 : 1.8, dash: style.dash },
      marker: { symbol: style.symbol, size: 8, color: color(style.tint) },
      hovertemplate: "%{y:.3~g}",
    };
  });
  plot(byId("forecast-view"), traces, {
    xaxis: axis("steps ahead", { tickvals: steps }),
    yaxis: axis(plainText(unit ?? "error"), { type: "log", exponentformat: "power", dtick: 1 }),
    showlegend: true,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: color("ink") } },
    margin: { l: 64, r: 12, t: 36, b: 44 },
    hovermode: "x unified",
  });
}

function drawHistory() {
  const { step, seconds, evidence, temperature } = records.history;
  const line = (values, tint, more) => ({ type: "scatter", mode: "lines", x: step, y: values, line: { color: tint, width: 1.8 }, ...more });
  const traces = [line(evidence, color("accent"), { customdata: seconds ?? [], hovertemplate: "evidence %{y:.4~g} after %{customdata:.3~g} s<extra></extra>" })];
  const layout = { xaxis: axis("step"), yaxis: axis("evidence"), hovermode: "x" };
  if (temperature?.some((value) => value !== null)) {
    traces.push(line(temperature, color("type-2"), { yaxis: "y2", hovertemplate: "temperature %{y:.3~g}<extra></extra>" }));
    layout.xaxis.anchor = "y2";
    layout.yaxis.domain = [0.42, 1];
    layout.yaxis2 = axis("temperature", { domain: [0, 0.32], rangemode: "tozero", nticks: 4 });
  }
  plot(byId("history-view"), traces, layout);
}

function startQuality() {
  if (byId("calibration-view")) keepDrawn(drawCalibration);
  if (byId("forecast-view")) keepDrawn(drawForecast);
  if (byId("history-view")) keepDrawn(drawHistory);
}
