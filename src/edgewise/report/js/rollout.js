/* A rollout in motion: objects drawn on a canvas, the recording beside them. */

const PLAY_SECONDS = 15;
const PATH_FRAMES = 40;
const FEW_NAMES = 14;
const DOT = 5;
const rollout = records.rollout;
const stage = { system: 0, frame: 0, axes: [0, 1], playing: null, canvas: null, bounds: null };

const rolledSystem = () => rollout.systems[stage.system];
const isFixed = (entity) => Boolean(rolledSystem().fixed?.[entity]);
const objectColor = (entity) => (isFixed(entity) ? color("type-0") : color(`type-${(entity % 7) + 1}`));
const place = (point) => (point?.[stage.axes[0]] == null || point[stage.axes[1]] == null ? null : stage.axes.map((at) => point[at]));

/** The place of an entity between two frames of a course; null where it is not known. */
function between(course, frame, entity) {
  const from = Math.floor(frame);
  const start = place(course[from]?.[entity]);
  const end = place(course[Math.min(from + 1, course.length - 1)]?.[entity]);
  if (!start || !end) return start;
  return start.map((value, axisIndex) => value + (frame - from) * (end[axisIndex] - value));
}

/** Half extents of an object on the chosen axes, in the unit of the places; null for a point. */
function extentOf(entity) {
  const system = rolledSystem();
  const radius = system.radius?.[entity] ?? 0;
  const sides = system.half_extent?.[entity] ?? [0, 0];
  const half = stage.axes.map((at) => (sides[at] ?? 0) + radius);
  return half[0] > 0 || half[1] > 0 ? { half, round: !(sides[0] > 0 || sides[1] > 0) } : null;
}

/** The least and the largest of some places along one of the chosen axes, the discs of objects within them; without boxes. */
function spanOf(course, side) {
  const extents = rollout.entities.map((_, entity) => extentOf(entity));
  let [low, high] = [Infinity, -Infinity];
  for (const frame of course) {
    frame.forEach((point, entity) => {
      const at = place(point);
      if (!at || (extents[entity] && !extents[entity].round)) return;
      const radius = extents[entity]?.half[side] ?? 0;
      low = Math.min(low, at[side] - radius);
      high = Math.max(high, at[side] + radius);
    });
  }
  return [low, high];
}

/** Where boxes come nearest to the middle of the picture: of a wall the face is shown, not all that is behind it. */
function nearestOfBoxes(side, middle) {
  return rollout.entities.flatMap((_, entity) => {
    const extent = extentOf(entity);
    const at = place(rolledSystem().x[0][entity]);
    if (!at || !extent || extent.round) return [];
    return [Math.min(Math.max(middle, at[side] - extent.half[side]), at[side] + extent.half[side])];
  });
}

/** What the picture shows: where the recording and the first frames reach, and up to half as far beyond. An object that
    flies off leaves the picture. */
function boundsOf() {
  const { x, truth } = rolledSystem();
  const early = [...x.slice(0, Math.max(2, Math.round(x.length / 4))), ...(truth ?? [])];
  return [0, 1].map((side) => {
    const [low, high] = spanOf(early, side);
    const [least, most] = spanOf(x, side);
    const beyond = 0.5 * (high - low || 1);
    const faces = nearestOfBoxes(side, (low + high) / 2);
    const from = Math.min(low, Math.max(least, low - beyond), ...faces);
    const to = Math.max(high, Math.min(most, high + beyond), ...faces);
    const margin = 0.06 * (to - from || 1);
    return [from - margin, to + margin];
  });
}

/** A function from places to pixels: one scale for both axes, the picture in the middle. */
function projection(width, height) {
  const [across, up] = stage.bounds;
  const scale = Math.min(width / (across[1] - across[0]), height / (up[1] - up[0]));
  const [left, bottom] = [(width - scale * (across[1] - across[0])) / 2, (height - scale * (up[1] - up[0])) / 2];
  return { scale, pixel: ([x, y]) => [left + scale * (x - across[0]), height - bottom - scale * (y - up[0])] };
}

function drawPath(pen, pixel, entity) {
  const { x } = rolledSystem();
  const last = Math.floor(stage.frame);
  const first = Math.max(0, last - PATH_FRAMES);
  const points = x.slice(first, last + 1).map((frame) => place(frame[entity]));
  points.push(between(x, stage.frame, entity));
  pen.strokeStyle = objectColor(entity);
  pen.lineWidth = 2;
  for (let index = 1; index < points.length; index++) {
    if (!points[index - 1] || !points[index]) continue;
    pen.globalAlpha = (0.6 * index) / points.length;
    pen.beginPath();
    pen.moveTo(...pixel(points[index - 1]));
    pen.lineTo(...pixel(points[index]));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

/** A disc or a box around a place: filled for the rollout, hollow for the recording. */
function drawObject(pen, { pixel, scale }, entity, at, hollow) {
  if (!at) return;
  const [x, y] = pixel(at);
  const extent = extentOf(entity);
  const size = (half) => Math.max(scale * half, extent && !extent.round ? 1.5 : 3);
  pen.beginPath();
  if (extent && !extent.round) {
    const [wide, high] = extent.half.map(size);
    pen.rect(x - wide, y - high, 2 * wide, 2 * high);
  } else {
    pen.arc(x, y, extent ? size(extent.half[0]) : isFixed(entity) ? 1.5 * DOT : DOT, 0, 2 * Math.PI);
  }
  if (hollow) {
    pen.strokeStyle = color("ink");
    pen.lineWidth = 1.4;
    pen.stroke();
    return;
  }
  pen.fillStyle = objectColor(entity);
  pen.globalAlpha = extent && !isFixed(entity) ? 0.75 : 1;
  pen.fill();
  pen.globalAlpha = 1;
}

function drawNames(pen, { pixel, scale }) {
  pen.fillStyle = color("ink");
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  pen.textAlign = "center";
  rollout.entities.forEach((text, entity) => {
    const at = between(rolledSystem().x, stage.frame, entity);
    const extent = extentOf(entity);
    if (!at || isFixed(entity) || (extent && !extent.round)) return;
    const [x, y] = pixel(at);
    pen.fillText(shortened(text), x, y - (extent ? Math.max(scale * extent.half[1], 3) : DOT) - 5);
  });
}

function drawStage() {
  const { canvas } = stage;
  const { clientWidth: width, clientHeight: height } = canvas.parentElement;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const view = projection(width, height);
  const { x, truth } = rolledSystem();
  const entities = rollout.entities.map((_, entity) => entity);
  const still = entities.filter(isFixed);
  const moving = entities.filter((entity) => !isFixed(entity));
  for (const entity of still) drawObject(pen, view, entity, between(x, stage.frame, entity), false);
  for (const entity of moving) drawPath(pen, view.pixel, entity);
  for (const entity of moving) drawObject(pen, view, entity, between(x, stage.frame, entity), false);
  if (truth) for (const entity of moving) drawObject(pen, view, entity, between(truth, stage.frame, entity), true);
  if (entities.length <= FEW_NAMES) drawNames(pen, view);
  showMoment();
}

function showMoment() {
  const frame = Math.round(stage.frame);
  const unit = rollout.time_unit ? ` ${rollout.time_unit}` : "";
  const recorded = rolledSystem().truth?.[frame]?.some((point) => place(point));
  byId("rollout-frame").value = frame;
  byId("rollout-time").textContent = `step ${rollout.frame[frame]}, t = ${numberText(rollout.time[frame])}${unit}`;
  byId("rollout-legend").dataset.recorded = String(Boolean(recorded));
}

function setRolling(on) {
  cancelAnimationFrame(stage.playing);
  stage.playing = null;
  byId("rollout-play").textContent = on ? "Pause" : "Play";
  byId("rollout-play").setAttribute("aria-pressed", String(on));
  if (!on) return;
  const last = rollout.time.length - 1;
  if (stage.frame >= last) stage.frame = 0;
  let before = null;
  const advance = (now) => {
    stage.frame = Math.min(last, stage.frame + (before === null ? 0 : ((now - before) / (1000 * PLAY_SECONDS)) * Math.max(last, 60)));
    before = now;
    drawStage();
    if (stage.frame < last) stage.playing = requestAnimationFrame(advance);
    else setRolling(false);
  };
  stage.playing = requestAnimationFrame(advance);
}

function showSystem() {
  stage.bounds = boundsOf();
  const items = [legendItem(swatch(translucent(color("ink"), 0.45)), "where they have come from")];
  if (rolledSystem().truth) items.push(legendItem(swatch(color("ink"), "ring"), "as recorded, while the recording goes on"));
  if (rolledSystem().fixed?.some(Boolean)) items.push(legendItem(swatch(color("type-0"), "dot"), "held fast"));
  byId("rollout-legend").replaceChildren(...items);
  drawStage();
}

function wireAxes() {
  const select = byId("rollout-axes");
  if (!select) return;
  const names = rolledSystem().x[0][0].map((_, index) => rollout.position?.[index] ?? `axis ${index}`);
  fillSelect(select, names.flatMap((across, i) => names.slice(i + 1).map((up, j) => [`${i},${i + 1 + j}`, `${across}, ${up}`])));
  select.addEventListener("change", () => {
    stage.axes = select.value.split(",").map(Number);
    showSystem();
  });
}

function startRollout() {
  if (!rollout) return;
  stage.canvas = byId("rollout-view").firstElementChild;
  byId("rollout-frame").max = rollout.time.length - 1;
  byId("rollout-play").addEventListener("click", () => setRolling(stage.playing === null));
  byId("rollout-frame").addEventListener("input", (event) => {
    setRolling(false);
    stage.frame = Number(event.target.value);
    drawStage();
  });
  byId("rollout-system")?.addEventListener("change", (event) => {
    stage.system = Number(event.target.value);
    showSystem();
  });
  wireAxes();
  keepDrawn(showSystem);
  new ResizeObserver(drawStage).observe(byId("rollout-view"));
}
