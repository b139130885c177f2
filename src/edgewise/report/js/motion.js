/* Trajectories with the inferred edges drawn between the entities at one frame; series where there are no places. */

const TRAIL = 10;
const ARROW = 12;
const FRAME_MILLISECONDS = 80;
let playing = null;

const chosenAxes = () => byId("axes").value.split(",").map(Number);

/** Frames of the recording, then those of the forecast that lie beyond it. */
function timeline() {
  const { time, position, forecast } = currentSequence();
  const observed = time.map((at, index) => ({ time: at, points: position[index], ahead: false }));
  const end = time[time.length - 1];
  const ahead = (forecast?.time ?? []).map((at, index) => ({ time: at, points: forecast.position[index], ahead: true }));
  return [...observed, ...ahead.filter((frame) => frame.time > end)];
}

/** Where a recording opens: late enough for the last frames to show. */
const firstFrame = (sequence) => Math.min(TRAIL, preview.sequences[sequence].time.length - 1);

/** The paths of all entities through some frames as one line with gaps. */
function pathLines(frames) {
  const [horizontal, vertical] = chosenAxes();
  const [x, y] = [[], []];
  for (let entity = 0; entity < nEntities; entity++) {
    for (const frame of frames) {
      x.push(frame[entity][horizontal]);
      y.push(frame[entity][vertical]);
    }
    x.push(null);
    y.push(null);
  }
  return { x, y };
}

/** Edges of one type at one frame: each a line with an arrowhead two thirds of the way to the receiver. */
function edgeLines(edges, points) {
  const [horizontal, vertical] = chosenAxes();
  const lines = { x: [], y: [], size: [] };
  for (const edge of edges) {
    const [from, to] = [points[edge.sender], points[edge.receiver]];
    const between = (index) => (from[index] === null || to[index] === null ? null : from[index] + 0.66 * (to[index] - from[index]));
    lines.x.push(from[horizontal], between(horizontal), to[horizontal], null);
    lines.y.push(from[vertical], between(vertical), to[vertical], null);
    lines.size.push(0, records.undirected ? 0 : ARROW, 0, 0);
  }
  return lines;
}

function shownEdges(time) {
  const window = choices.window ?? windowAt(time);
  return pairs(window).filter(
    (edge) => edge.strength >= choices.threshold && (choices.entity === null || touches(edge, choices.entity)),
  );
}

/** The parts of the plot that change from frame to frame, in the order of their traces. */
function movingParts(frames) {
  const index = Math.min(choices.frame, frames.length - 1);
  const { points, time } = frames[index];
  const [horizontal, vertical] = chosenAxes();
  const edges = shownEdges(time);
  const trail = pathLines(frames.slice(Math.max(0, index - TRAIL), index + 1).map((frame) => frame.points));
  const byType = interactionTypes.map((type) => edgeLines(edges.filter((edge) => edge.type === type), points));
  const entities = { x: points.map((point) => point[horizontal]), y: points.map((point) => point[vertical]) };
  return [{ ...trail, size: 0 }, ...byType, { ...entities, size: nEntities > 14 ? 7 : 12 }];
}

function movingTraces(parts) {
  const many = nEntities > 14;
  const edge = (part, type) => ({
    mode: "lines+markers",
    line: { color: typeColor(type), width: many ? 1.2 : 1.8 },
    marker: { symbol: "arrow", angleref: "previous", size: part.size, color: typeColor(type), line: { width: 0 } },
    opacity: many ? 0.6 : 0.8,
    hoverinfo: "skip",
  });
  const entityColor = preview.entities.map((_, entity) => (entity === choices.entity ? color("accent") : color("ink")));
  const last = parts.length - 1;
  return parts.map((part, index) => {
    const place = { type: "scatter", x: part.x, y: part.y };
    if (index === 0) return { ...place, mode: "lines", line: { color: translucent(color("ink"), 0.45), width: 2 }, hoverinfo: "skip" };
    if (index < last) return { ...place, ...edge(part, interactionTypes[index - 1]) };
    return {
      ...place,
      mode: many ? "markers" : "markers+text",
      text: preview.entities.map((text) => plainText(shortened(text))),
      textposition: "top center",
      textfont: { color: color("ink") },
      hovertemplate: "%{text}<extra></extra>",
      marker: { size: part.size, color: entityColor, line: { color: color("card"), width: 1.5 } },
    };
  });
}

function fixedTraces() {
  const { position, forecast } = currentSequence();
  const line = (frames, style) => ({ type: "scatter", mode: "lines", ...pathLines(frames), hoverinfo: "skip", line: style });
  const traces = [line(position, { color: translucent(color("ink"), 0.14), width: 1.2 })];
  if (forecast) traces.push(line(forecast.position, { color: translucent(color("ink"), 0.42), width: 1.2, dash: "4px,3px" }));
  return traces;
}

/** A range that holds every path, so that the picture does not jump while it plays. */
function fixedRange(traces, side) {
  const values = traces.flatMap((trace) => trace[side]).filter((value) => value !== null);
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const margin = 0.08 * (high - low || 1);
  return [low - margin, high + margin];
}

function drawMotion() {
  const frames = timeline();
  const fixed = fixedTraces();
  const [across, up] = chosenAxes();
  const quiet = { zeroline: false, constrain: "range" };
  plot(byId("motion-view"), [...fixed, ...movingTraces(movingParts(frames))], {
    xaxis: axis(axisName(across), { ...quiet, range: fixedRange(fixed, "x") }),
    yaxis: axis(axisName(up), { ...quiet, range: fixedRange(fixed, "y"), scaleanchor: "x" }),
  });
  byId("frame").max = frames.length - 1;
  showTime(frames);
  drawMotionLegend();
}

/** Only the moving traces: cheap enough for every frame. */
function moveTo() {
  const frames = timeline();
  const moving = movingTraces(movingParts(frames));
  const first = byId("motion-view").data.length - moving.length;
  const changes = {
    x: moving.map((trace) => trace.x),
    y: moving.map((trace) => trace.y),
    "marker.size": moving.map((trace) => trace.marker?.size ?? 0),
    "marker.color": moving.map((trace) => trace.marker?.color ?? color("ink")),
  };
  Plotly.restyle(byId("motion-view"), changes, moving.map((_, index) => first + index));
  showTime(frames);
}

function showTime(frames) {
  const index = Math.min(choices.frame, frames.length - 1);
  byId("frame").value = index;
  byId("frame-value").textContent = `t = ${numberText(frames[index].time)}${frames[index].ahead ? ", forecast" : ""}`;
}

const axisName = (index) => plainText(records.position_names[index] ?? "xyz"[index] ?? `axis ${index}`);

function drawMotionLegend() {
  const items = interactionTypes.map((type) => legendItem(swatch(typeColor(type)), preview.types[type]));
  items.push(legendItem(swatch(translucent(color("ink"), 0.45)), "last frames"));
  if (currentSequence().forecast) items.push(legendItem(swatch(translucent(color("ink"), 0.42), "dashed"), "forecast"));
  byId("motion-legend").replaceChildren(...items);
}

/* Playing */

function setPlaying(on) {
  clearInterval(playing);
  playing = on ? setInterval(step, FRAME_MILLISECONDS) : null;
  byId("play").textContent = on ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", String(on));
}

function step() {
  const length = timeline().length;
  const stride = Math.max(1, Math.round(length / 200));
  choose({ frame: choices.frame + stride >= length ? 0 : choices.frame + stride });
}

/* Series: every entity on its own line */

function seriesName() {
  return byId("feature").value || Object.keys(currentSequence().series ?? {})[0];
}

/** One series scaled to its own lane; the real values are in the hover text. */
function laneTrace(values, time, entity) {
  const known = values.filter((value) => value !== null);
  const middle = known.reduce((sum, value) => sum + value, 0) / (known.length || 1);
  const reach = Math.max(...known.map((value) => Math.abs(value - middle)), 1e-12);
  const chosen = entity === choices.entity;
  return {
    type: "scatter",
    mode: "lines",
    x: time,
    y: values.map((value) => (value === null ? null : entity - (0.48 * (value - middle)) / reach)),
    customdata: values.map(numberText),
    hovertemplate: `${plainText(name(entity))}: %{customdata}<extra></extra>`,
    line: { width: chosen ? 2 : 1.2, color: chosen ? color("accent") : translucent(color("ink"), 0.75) },
  };
}

function drawSeries() {
  const { time, series } = currentSequence();
  const frames = series[seriesName()];
  const view = byId("motion-view");
  view.style.height = `${Math.max(320, 30 * nEntities + 80)}px`;
  const traces = preview.entities.map((_, entity) => laneTrace(frames.map((frame) => frame[entity]), time, entity));
  plot(view, traces, {
    xaxis: axis("time"),
    yaxis: axis("", {
      tickvals: preview.entities.map((_, entity) => entity),
      ticktext: preview.entities.map((text) => plainText(shortened(text))),
      range: [nEntities - 0.4, -0.6],
      zeroline: false,
    }),
  });
}

function startSeries() {
  byId("motion-lead").textContent = "No positions were given, so each entity has its own lane, scaled to its own range. Choose an entity above to bring it out.";
  const features = Object.keys(currentSequence().series ?? {});
  if (!features.length) {
    byId("motion-lead").textContent = "This record holds no positions and no series to draw.";
    byId("motion-view").parentElement.hidden = true;
    return;
  }
  fillSelect(byId("feature"), features.map((feature) => [feature, feature]));
  byId("feature-control").hidden = features.length < 2;
  byId("feature").addEventListener("change", drawSeries);
  keepDrawn(drawSeries);
  when(["sequence", "entity"], drawSeries);
}

function startPaths() {
  const frames = currentSequence().position;
  const names = Array.from({ length: frames[0][0].length }, (_, index) => records.position_names[index] ?? "xyz"[index]);
  const views = names.flatMap((across, i) => names.slice(i + 1).map((up, j) => [`${i},${i + 1 + j}`, `${across}, ${up}`]));
  fillSelect(byId("axes"), views);
  byId("axes").value = widestAxes(frames).join(",");
  byId("axes-control").hidden = views.length < 2;
  byId("motion-lead").textContent = `Paths of the entities, and the pairs above the threshold joined at the chosen time.${
    currentSequence().windows ? " The graph changes from window to window, and so do the lines." : ""
  } With an entity chosen, only its own edges show.`;
  choices.frame = firstFrame(choices.sequence);
  keepDrawn(drawMotion);
  when(["sequence"], drawMotion);
  when(["frame", "threshold", "entity", "window"], moveTo);
  byId("axes").addEventListener("change", drawMotion);
  byId("play").addEventListener("click", () => setPlaying(playing === null));
  byId("frame").addEventListener("input", () => {
    setPlaying(false);
    choose({ frame: Number(byId("frame").value) });
  });
}

function startMotion() {
  if (byId("play")) startPaths();
  else startSeries();
}
