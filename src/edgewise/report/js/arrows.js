/* Non-local blocks: the frames of a picture, a chosen position, and arrows to the positions that it attends to most. */

const looks = { example: 0, position: 0, places: null };
const LEAST_FRAME = 84;
const MOST_FRAME = 300;
const FRAME_GAP = 12;
const LABEL_HEIGHT = 18;
const SVG = "http://www.w3.org/2000/svg";

function drawnElement(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A frame as the address of a picture of its pixels. */
function frameImage(values, [height, width]) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  values.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** Where the frames stand: in as few rows as leave them large enough, all of one size. */
function framePlaces(width) {
  const { grid: [frames], size: [high, wide] } = records.preview.arrows;
  let rows = 1;
  const across = () => Math.ceil(frames / rows);
  const side = () => (width - FRAME_GAP * (across() - 1)) / across();
  while (rows < frames && side() < LEAST_FRAME) rows += 1;
  const frameWidth = Math.min(side(), MOST_FRAME);
  const frameHeight = (frameWidth * high) / wide;
  const step = frameHeight + LABEL_HEIGHT + FRAME_GAP;
  const corner = (frame) => [(frame % across()) * (frameWidth + FRAME_GAP), Math.floor(frame / across()) * step + LABEL_HEIGHT];
  return { frameWidth, frameHeight, height: rows * step, corner };
}

function placeOf(position) {
  const [, rows, columns] = records.preview.arrows.grid;
  return [Math.floor(position / (rows * columns)), Math.floor(position / columns) % rows, position % columns];
}

/** The rectangle of a position: [left, top, width, height]. */
function cellOf(position) {
  const [, rows, columns] = records.preview.arrows.grid;
  const { frameWidth, frameHeight, corner } = looks.places;
  const [frame, row, column] = placeOf(position);
  const [left, top] = corner(frame);
  const [width, height] = [frameWidth / columns, frameHeight / rows];
  return [left + column * width, top + row * height, width, height];
}

function placeText(position) {
  const [frame, row, column] = placeOf(position);
  const inFrame = `row ${row + 1}, column ${column + 1}`;
  return records.preview.arrows.grid[0] > 1 ? `frame ${frame + 1}, ${inFrame}` : inFrame;
}

function strongestArrows() {
  const { senders, weights } = records.preview.arrows.examples[looks.example];
  return senders[looks.position].map((sender, at) => ({ sender, weight: weights[looks.position][at] }));
}

/** A bent line with a head, as wide as its weight is large beside the largest one. */
function arrowElements({ sender, weight }, largest) {
  const middle = ([left, top, width, height]) => [left + width / 2, top + height / 2];
  const [[x, y], [toX, toY]] = [middle(cellOf(looks.position)), middle(cellOf(sender))];
  const size = largest ? Math.abs(weight) / largest : 0;
  const tint = color(weight < 0 ? "type-2" : "type-5");
  const length = Math.hypot(toX - x, toY - y);
  if (!length) {
    const [left, top, width, height] = cellOf(sender);
    return [drawnElement("circle", { cx: left + width / 2, cy: top + height / 2, r: width / 3, fill: "none", stroke: tint, "stroke-width": 1 + 2 * size })];
  }
  const bend = Math.min(0.18 * length, 40);
  const [midX, midY] = [(x + toX) / 2 + (bend * (toY - y)) / length, (y + toY) / 2 - (bend * (toX - x)) / length];
  const angle = Math.atan2(toY - midY, toX - midX);
  const head = 5 + 4 * size;
  const corner = (turn) => `${toX - head * Math.cos(angle + turn)},${toY - head * Math.sin(angle + turn)}`;
  const opacity = 0.35 + 0.65 * size;
  return [
    drawnElement("path", { d: `M${x},${y} Q${midX},${midY} ${toX},${toY}`, fill: "none", stroke: tint, "stroke-width": 1 + 2.5 * size, opacity }),
    drawnElement("polygon", { points: `${toX},${toY} ${corner(0.45)} ${corner(-0.45)}`, fill: tint, opacity }),
  ];
}

function drawFrames(svg) {
  const { examples, size, grid } = records.preview.arrows;
  const { frameWidth, frameHeight, corner } = looks.places;
  examples[looks.example].frames.forEach((values, frame) => {
    const [left, top] = corner(frame);
    if (grid[0] > 1) {
      const label = drawnElement("text", { x: left, y: top - 5, fill: color("muted"), "font-size": 12 });
      label.textContent = `frame ${frame + 1}`;
      svg.append(label);
    }
    const image = drawnElement("image", { href: frameImage(values, size), x: left, y: top, width: frameWidth, height: frameHeight, preserveAspectRatio: "none" });
    image.style.imageRendering = "pixelated";
    svg.append(image);
  });
}

function drawArrows() {
  const view = byId("arrows-view");
  const width = view.clientWidth;
  looks.places = framePlaces(width);
  const { height } = looks.places;
  const svg = drawnElement("svg", { viewBox: `0 0 ${width} ${height}`, width, height });
  drawFrames(svg);
  const arrows = strongestArrows();
  const largest = Math.max(...arrows.map(({ weight }) => Math.abs(weight)));
  for (const arrow of [...arrows].reverse()) svg.append(...arrowElements(arrow, largest));
  const [left, top, wide, high] = cellOf(looks.position);
  svg.append(drawnElement("rect", { x: left, y: top, width: wide, height: high, fill: "none", stroke: color("type-6"), "stroke-width": 2.5, class: "chosen" }));
  view.replaceChildren(svg);
  showArrows(arrows);
}

function showArrows(arrows) {
  byId("arrows-place").textContent = `Chosen: ${placeText(looks.position)}`;
  const cell = (tag, className, text) => element(tag, className, text);
  const rows = arrows.map(({ sender, weight }) => element("tr", "", cell("td", "", placeText(sender)), cell("td", "number", shareText(weight))));
  byId("arrows-table").tBodies[0].replaceChildren(...rows);
  const items = [legendItem(swatch(color("type-6"), "ring"), "the chosen position"), legendItem(swatch(color("type-5")), "attends to, the wider the more")];
  if (arrows.some(({ weight }) => weight < 0)) items.push(legendItem(swatch(color("type-2")), "with a negative weight"));
  byId("arrows-legend").replaceChildren(...items);
}

function shareText(weight) {
  return weight < 0 ? `−${percentText(-weight)}` : percentText(weight);
}

function choosePosition(position) {
  looks.position = position;
  drawArrows();
}

/** The position under a point of the page, or null between the frames. */
function positionAt(x, y) {
  const box = byId("arrows-view").getBoundingClientRect();
  const [frames, rows, columns] = records.preview.arrows.grid;
  const { frameWidth, frameHeight, corner } = looks.places;
  for (let frame = 0; frame < frames; frame++) {
    const [left, top] = corner(frame);
    const column = Math.floor(((x - box.left - left) / frameWidth) * columns);
    const row = Math.floor(((y - box.top - top) / frameHeight) * rows);
    if (column >= 0 && column < columns && row >= 0 && row < rows) return (frame * rows + row) * columns + column;
  }
  return null;
}

/** One step of an arrow key; a step over the side of a frame leads into the next one. */
function movedBy(key) {
  const [frames, rows, columns] = records.preview.arrows.grid;
  let [frame, row, column] = placeOf(looks.position);
  if (key === "ArrowLeft") column -= 1;
  if (key === "ArrowRight") column += 1;
  if (key === "ArrowUp") row -= 1;
  if (key === "ArrowDown") row += 1;
  if (column < 0) [frame, column] = [frame - 1, columns - 1];
  if (column === columns) [frame, column] = [frame + 1, 0];
  const outside = frame < 0 || frame === frames || row < 0 || row === rows;
  return outside ? looks.position : (frame * rows + row) * columns + column;
}

function startArrows() {
  const view = byId("arrows-view");
  if (!view) return;
  const { examples } = records.preview.arrows;
  looks.position = examples[0].chosen;
  byId("arrows-choice").addEventListener("change", (event) => {
    looks.example = Number(event.target.value);
    choosePosition(examples[looks.example].chosen);
  });
  view.addEventListener("click", (event) => {
    const position = positionAt(event.clientX, event.clientY);
    if (position !== null) choosePosition(position);
  });
  view.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    choosePosition(movedBy(event.key));
  });
  keepDrawn(drawArrows);
  let before = view.clientWidth;
  new ResizeObserver(() => {
    if (view.clientWidth === before) return;
    before = view.clientWidth;
    drawArrows();
  }).observe(view);
}
