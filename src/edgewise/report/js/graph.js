/* The graph with its confidences, and the lists of partners under it. */

const MOST_EDGES = 1500;
const LEAST_DRAWN = 0.02;
const CIRCLE_UP_TO = 40;
const NAMES_SHOWN_UP_TO = 20;
const SETTLED = 0.95;

const graphView = byId("graph-view");
const cy = cytoscape({ container: graphView, userZoomingEnabled: false, boxSelectionEnabled: false, minZoom: 0.2, maxZoom: 6 });
cy.userPanningEnabled(!matchMedia("(pointer: coarse)").matches);
const tip = element("div", "tip");
tip.hidden = true;
graphView.parentElement.append(tip);

/** Beside a node on a circle its name stands outside, where no edge runs. */
function nameSide(node) {
  if (byId("layout").value !== "circle" || node.width() > 30) return { h: "center", v: node.width() > 30 ? "center" : "bottom" };
  const angle = circleAngle(node.data("entity"));
  const [across, up] = [Math.cos(angle), Math.sin(angle)];
  if (Math.abs(across) < 0.25) return { h: "center", v: up < 0 ? "top" : "bottom" };
  return { h: across < 0 ? "left" : "right", v: "center" };
}

function graphStyle() {
  const small = nEntities > 14;
  const crowded = nEntities > NAMES_SHOWN_UP_TO;
  const inside = !small && preview.entities.every((text) => [...text].length <= 3);
  const size = inside ? 34 : nEntities > 50 ? 9 : small ? 14 : 20;
  return [
    {
      selector: "node",
      style: {
        width: size,
        height: size,
        label: crowded ? "" : "data(label)",
        color: color("ink"),
        "font-family": getComputedStyle(document.body).fontFamily,
        "font-size": small ? 11 : 13,
        "text-halign": (node) => nameSide(node).h,
        "text-valign": (node) => nameSide(node).v,
        "text-margin-x": (node) => ({ left: -4, right: 4, center: 0 })[nameSide(node).h],
        "text-margin-y": (node) => ({ top: -4, bottom: 4, center: 0 })[nameSide(node).v],
        "text-outline-color": color("card"),
        "text-outline-width": 2,
        "text-outline-opacity": inside ? 0 : 0.9,
        "background-color": inside ? color("faint") : color("muted"),
        "border-width": 1.5,
        "border-color": inside ? color("muted") : color("card"),
      },
    },
    {
      selector: "edge",
      style: {
        "curve-style": cy.edges().length > 600 ? "straight" : "bezier",
        "control-point-step-size": crowded ? 12 : 26,
        width: (edge) => (crowded ? 0.5 : 1) * edge.data("width"),
        opacity: "data(opacity)",
        "line-color": (edge) => typeColor(edge.data("type")),
        "target-arrow-color": (edge) => typeColor(edge.data("type")),
        "target-arrow-shape": records.undirected ? "none" : "triangle",
        "arrow-scale": crowded ? 0.65 : 0.9,
        "line-style": (edge) => (edge.data("wrong") ? "dashed" : "solid"),
      },
    },
    { selector: "node.chosen", style: { "background-color": color("accent"), "border-color": color("accent"), color: inside ? color("on-accent") : color("ink") } },
    { selector: "node.named", style: { label: "data(label)" } },
    { selector: "node.apart", style: { opacity: 0.35 } },
    { selector: "edge.apart", style: { opacity: 0.06 } },
    { selector: "edge.below", style: { display: "none" } },
  ];
}

function edgeElement(edge) {
  return {
    group: "edges",
    data: {
      id: `${edge.sender}-${edge.receiver}`,
      source: `n${edge.sender}`,
      target: `n${edge.receiver}`,
      type: edge.type,
      wrong: edge.wrong && edge.inferred >= firstInteraction,
      strength: edge.strength,
      width: 0.6 + 3 * edge.strength,
      opacity: 0.12 + 0.88 * edge.strength ** 2,
      text: `${pairName(edge)}: ${pairValues(edge)}`,
    },
  };
}

/** Draw the chosen sequence and window; nodes that are already there keep their places. */
function drawGraph() {
  const edges = pairs()
    .filter((edge) => edge.strength >= LEAST_DRAWN)
    .sort((a, b) => b.strength - a.strength)
    .slice(0, MOST_EDGES);
  cy.batch(() => {
    cy.edges().remove();
    if (cy.nodes().empty()) {
      cy.add(preview.entities.map((text, entity) => ({ group: "nodes", data: { id: `n${entity}`, label: shortened(text, 16), entity } })));
    }
    cy.add(edges.map(edgeElement));
  });
  cy.style(graphStyle());
  applyThreshold();
  markFocus();
}

function applyThreshold() {
  cy.batch(() => cy.edges().forEach((edge) => edge.toggleClass("below", edge.data("strength") < choices.threshold)));
  const all = pairs();
  const shown = all.filter((edge) => edge.strength >= choices.threshold).length;
  const cut = shown > MOST_EDGES ? `, the ${MOST_EDGES} strongest drawn` : "";
  byId("shown-pairs").textContent = `${shown} of ${all.length} pairs shown${cut}`;
  byId("threshold-value").textContent = percentText(choices.threshold);
}

/* Layout: places are computed in pixels of the view, so sizes of nodes and texts stay as designed. */

function layoutChoices() {
  const frames = currentSequence().position;
  const known = [];
  if (frames && clearestFrame(frames, widestAxes(frames)) !== null) known.push(["places", "where they are"]);
  return [...known, ["circle", "circle"], ["force", "by their edges"]];
}

const circleAngle = (entity) => (2 * Math.PI * entity) / nEntities - Math.PI / 2;

function circlePlaces(width, height) {
  const longest = Math.max(...cy.nodes().map((node) => node.data("label").length));
  const radius = Math.max(60, Math.min(width / 2 - 20 - 6.5 * longest, height / 2 - 34));
  return preview.entities.map((_, entity) => {
    const angle = circleAngle(entity);
    return { x: width / 2 + radius * Math.cos(angle), y: height / 2 + radius * Math.sin(angle) };
  });
}

function placedFrame() {
  const frames = currentSequence().position;
  return clearestFrame(frames, widestAxes(frames));
}

function observedPlaces(width, height) {
  const frames = currentSequence().position;
  const axes = widestAxes(frames);
  const points = frames[placedFrame()].map((point) => axes.map((index) => point[index]));
  const low = [0, 1].map((index) => Math.min(...points.map((point) => point[index])));
  const high = [0, 1].map((index) => Math.max(...points.map((point) => point[index])));
  const margin = 44;
  const scale = Math.min((width - 2 * margin) / (high[0] - low[0] || 1), (height - 2 * margin) / (high[1] - low[1] || 1));
  return points.map((point) => ({
    x: width / 2 + scale * (point[0] - (low[0] + high[0]) / 2),
    y: height / 2 - scale * (point[1] - (low[1] + high[1]) / 2),
  }));
}

/** A recording in which no frame shows every entity falls back to the circle. */
function offerLayouts() {
  const known = layoutChoices();
  const wanted = byId("layout").value;
  fillSelect(byId("layout"), known);
  const kept = known.some(([value]) => value === wanted);
  byId("layout").value = kept ? wanted : known[0][0] === "places" ? "places" : nEntities <= CIRCLE_UP_TO ? "circle" : "force";
}

function placeNodes() {
  cy.style(graphStyle());
  const width = graphView.clientWidth;
  const height = graphView.clientHeight;
  cy.resize();
  cy.viewport({ zoom: 1, pan: { x: 0, y: 0 } });
  if (byId("layout").value === "force") {
    const layout = cy.layout({ name: "cose", animate: false, randomize: false, boundingBox: { x1: 30, y1: 30, w: width - 60, h: height - 60 } });
    cy.nodes().positions((node, index) => circlePlaces(width, height)[index]);
    layout.run();
    return;
  }
  const places = byId("layout").value === "places" ? observedPlaces(width, height) : circlePlaces(width, height);
  cy.nodes().positions((node) => places[node.data("entity")]);
}

/* Focus: the entity under the pointer, else the chosen one */

const focus = () => choices.hovered ?? choices.entity;

function markFocus() {
  const entity = focus();
  cy.batch(() => {
    cy.elements().removeClass("chosen apart named");
    if (entity === null) return;
    const node = cy.getElementById(`n${entity}`).addClass("chosen");
    const near = node.union(node.connectedEdges(":visible")).union(node.connectedEdges(":visible").connectedNodes());
    near.nodes().addClass("named");
    cy.elements().difference(near).addClass("apart");
  });
}

function partnerRow(text, edge) {
  const bar = element("i");
  bar.style.width = `${100 * edge.strength}%`;
  bar.style.background = typeColor(edge.type);
  const kind = element("span", "kind", swatch(typeColor(edge.type)), preview.types[edge.type]);
  return element("li", "", element("span", "", text), kind, element("span", "bar", bar), element("span", "value", percentText(edge.strength)));
}

function partnerList(title, rows) {
  const list = element("ul", "partners", ...rows);
  return element("div", "", element("h3", "", title), rows.length ? list : element("p", "quiet", "none"));
}

function drawPanel() {
  const entity = focus();
  const all = pairs(choices.window, entity !== null);
  byId("panel").replaceChildren(...(entity === null ? overview(all) : partners(entity, all)));
}

/** The strongest edges from and to one entity. */
function partners(entity, all) {
  const top = (side) =>
    all
      .filter((edge) => edge[side] === entity)
      .sort((a, b) => b.strength - a.strength)
      .slice(0, 5);
  const title = element("div", "title", element("h3", "", name(entity)), element("p", "quiet", "its five strongest partners"));
  if (records.undirected) return [title, partnerList("Interacts with", top("receiver").map((edge) => partnerRow(name(edge.sender), edge)))];
  return [
    title,
    partnerList("Acts on", top("sender").map((edge) => partnerRow(name(edge.receiver), edge))),
    partnerList("Is acted upon by", top("receiver").map((edge) => partnerRow(name(edge.sender), edge))),
  ];
}

/** Without a chosen entity: what is surest, and what the data could not decide. */
function overview(all) {
  const row = (edge) => partnerRow(pairName(edge), edge);
  const byStrength = [...all].sort((a, b) => b.strength - a.strength);
  const doubt = (edge) => Math.max(...edge.values);
  const byDoubt = [...all].sort((a, b) => doubt(a) - doubt(b));
  return [partnerList("Surest edges", byStrength.slice(0, 5).map(row)), partnerList("Pairs the data could not settle", byDoubt.filter((edge) => doubt(edge) < SETTLED).slice(0, 5).map(row))];
}

function drawGraphLegend() {
  const items = interactionTypes.map((type) => legendItem(swatch(typeColor(type)), preview.types[type]));
  if (preview.sequences.some((sequence) => sequence.truth)) items.push(legendItem(swatch(color("muted"), "dashed"), "not so in the known graph"));
  if (byId("layout").value === "places") items.push(element("span", "", `placed as at t = ${numberText(currentSequence().time[placedFrame()])}`));
  byId("graph-legend").replaceChildren(...items);
}

function showTip(event, text) {
  tip.textContent = text;
  tip.hidden = false;
  const { x, y } = event.renderedPosition;
  tip.style.left = `${Math.max(0, Math.min(x + 12, graphView.clientWidth - tip.offsetWidth))}px`;
  tip.style.top = `${y + 14}px`;
}

function wireGraph() {
  cy.on("tap", (event) => choose({ entity: event.target === cy || event.target.isEdge() ? null : event.target.data("entity") }));
  cy.on("mouseover", "node", (event) => choose({ hovered: event.target.data("entity") }));
  cy.on("mouseout", "node", () => choose({ hovered: null }));
  cy.on("mouseover", "edge", (event) => showTip(event, event.target.data("text")));
  cy.on("mouseout", "edge", () => (tip.hidden = true));
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoomGraph(button.dataset.zoom));
  }
  byId("layout").addEventListener("change", () => {
    placeNodes();
    drawGraphLegend();
  });
  new ResizeObserver(placeNodes).observe(graphView);
}

function zoomGraph(factor) {
  if (factor === "fit") {
    cy.fit(cy.nodes(), 44);
    return;
  }
  const middle = { x: graphView.clientWidth / 2, y: graphView.clientHeight / 2 };
  cy.zoom({ level: cy.zoom() * Number(factor), renderedPosition: middle });
}

function startGraph() {
  offerLayouts();
  keepDrawn(() => {
    drawGraph();
    drawGraphLegend();
    drawPanel();
  });
  placeNodes();
  wireGraph();
  when(["sequence", "window"], drawGraph);
  when(["sequence"], () => {
    offerLayouts();
    placeNodes();
    drawGraphLegend();
  });
  when(["threshold"], applyThreshold);
  when(["entity", "hovered", "threshold"], markFocus);
  when(["sequence", "window", "entity", "hovered"], drawPanel);
}
