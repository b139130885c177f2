/* How far a rollout drifts: from what should be conserved, and from the recording. */

const timeAxis = () => axis(`time since the start${rollout.time_unit ? `, ${plainText(rollout.time_unit)}` : ""}`);

/** All systems as one line with gaps. */
function linesOf(time, systems, change) {
  const [x, y] = [[], []];
  for (const values of systems) {
    const changed = change(values);
    x.push(...time.slice(0, changed.length), null);
    y.push(...changed, null);
  }
  return { type: "scatter", mode: "lines", x, y };
}

/** The change of a conserved quantity; `change` makes per cent of its values. */
function drawConserved(name, change) {
  const { time, rolled, truth } = rollout[name];
  const hover = (who) => ({ hovertemplate: `${who}: %{y:.3~g} % at t = %{x:.4~g}<extra></extra>` });
  const traces = [{ ...linesOf(time, rolled, change), ...hover("rolled"), line: { color: color("accent"), width: 1.6 } }];
  const items = [legendItem(swatch(color("accent")), rolled.length > 1 ? "rolled, a line a system" : "rolled")];
  if (truth) {
    traces.push({ ...linesOf(time, truth, change), ...hover("recorded"), line: { color: color("type-2"), width: 1.6, dash: "5px,3px" } });
    items.push(legendItem(swatch(color("type-2"), "dashed"), "as recorded"));
  }
  plot(byId(`${name}-view`), traces, { xaxis: timeAxis(), yaxis: axis("change, %", { rangemode: "tozero" }) });
  byId(`${name}-legend`).replaceChildren(...items);
}

const energyChange = (values) => values.map((value) => (value === null || !values[0] ? null : (100 * (value - values[0])) / Math.abs(values[0])));
const momentumChange = (values) => values.map((value) => (value === null ? null : 100 * value));

function drawErrorInTime() {
  const { time, rmse, constant_velocity: straight } = rollout.error;
  const style = [
    { name: "edgewise", values: rmse, line: { color: color("accent"), width: 2.5 } },
    { name: "constant velocity", values: straight, line: { color: color("type-5"), width: 1.8, dash: "4px,3px" } },
  ];
  const traces = style.filter(({ values }) => values).map(({ name, values, line }) => ({
    type: "scatter",
    mode: time.length > 1 ? "lines" : "markers",
    name,
    x: time,
    y: values,
    line,
    hovertemplate: "%{y:.3~g}",
  }));
  plot(byId("rollout-error-view"), traces, {
    xaxis: timeAxis(),
    yaxis: axis("RMSE", { type: "log", exponentformat: "power", dtick: 1 }),
    showlegend: true,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: color("ink") } },
    margin: { l: 64, r: 12, t: 36, b: 44 },
    hovermode: "x unified",
  });
}

function startDrift() {
  if (byId("energy-view")) keepDrawn(() => drawConserved("energy", energyChange));
  if (byId("momentum-view")) keepDrawn(() => drawConserved("momentum", momentumChange));
  if (byId("rollout-error-view")) keepDrawn(drawErrorInTime);
}
