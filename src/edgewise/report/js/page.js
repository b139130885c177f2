/* What every page has: the embedded records, elements, numbers, and plots in the page's colours. */

const records = JSON.parse(document.getElementById("data").textContent);

const drawings = [];

/** Draw now, and again whenever the colours of the page change. */
function keepDrawn(draw) {
  drawings.push(draw);
  draw();
}

function redraw() {
  for (const draw of drawings) draw();
}

/** Paper is white whatever the screen is. */
function wireColors() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    redraw();
  });
  window.addEventListener("afterprint", () => {
    delete document.documentElement.dataset.theme;
    redraw();
  });
}

/* Elements */

const byId = (id) => document.getElementById(id);

/** An element with a class, and with texts or elements in it. Texts stay texts: a name cannot become markup. */
function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** Fill a select with `[value, text]` pairs. */
function fillSelect(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

function swatch(color, kind = "") {
  const mark = element("i", `swatch ${kind}`);
  mark.style.color = color;
  return mark;
}

function legendItem(mark, text) {
  return element("span", "", mark, text);
}

/* Numbers */

function percentText(share) {
  if (share === null || share === undefined) return "–";
  if (share > 0.9999 && share < 1) return ">\u202f99.99\u202f%";
  if (share < 0.0001 && share > 0) return "<\u202f0.01\u202f%";
  return `${Number((100 * share).toFixed(share > 0.99 || share < 0.01 ? 2 : 1))}\u202f%`;
}

function numberText(value) {
  return value === null || value === undefined ? "–" : String(Number(value.toPrecision(4)));
}

/* Colours */

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function translucent(hex, opacity) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

/* Plots */

const PLOT_CONFIG = {
  responsive: true,
  displaylogo: false,
  plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
};

/** Plotly reads some tags in its texts; a user's name must not be read so. */
function plainText(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function shortened(text, length = 14) {
  const letters = [...String(text)];
  return letters.length > length ? `${letters.slice(0, length - 1).join("")}…` : String(text);
}

function axis(title, more = {}) {
  return {
    title: { text: title, standoff: 10 },
    gridcolor: color("rule"),
    linecolor: color("rule"),
    zerolinecolor: color("rule"),
    automargin: true,
    ...more,
  };
}

function plot(view, traces, layout) {
  const font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: color("muted") };
  const base = {
    font,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 56, r: 12, t: 12, b: 44 },
    showlegend: false,
    hoverlabel: { bgcolor: color("card"), bordercolor: color("rule"), font: { ...font, color: color("ink") } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: color("muted"), activecolor: color("accent") },
    dragmode: false,
  };
  return Plotly.react(view, traces, { ...base, ...layout }, PLOT_CONFIG);
}
