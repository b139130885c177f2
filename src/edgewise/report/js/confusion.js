/* The confusion matrix: one row a true class, one column what it was taken for. */

const COUNTS_UP_TO = 15;
const LEAST_LETTERS = 9;
const MOST_LETTERS = 12;
const PIXELS_A_CLASS = 13;

function rowShares(counts) {
  return counts.map((row) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count) => (total ? count / total : null));
  });
}

function confusionTrace(shares) {
  const { classes, counts } = records.preview;
  return {
    type: "heatmap",
    z: shares,
    customdata: counts.map((row, one) =>
      row.map((count, other) => plainText(`${classes[one]}, taken for ${classes[other]}: ${count} (${percentText(shares[one][other])} of its row)`)),
    ),
    hovertemplate: "%{customdata}<extra></extra>",
    hoverongaps: false,
    zmin: 0,
    zmax: 1,
    showscale: false,
    xgap: classes.length > 20 ? 0 : 2,
    ygap: classes.length > 20 ? 0 : 2,
    colorscale: [[0, color("faint")], [1, color("accent")]],
  };
}

/** The size of letters in which the longest count fits its cell; the matrix takes about 62 % of the width. */
function countLetters(width) {
  const { classes, counts } = records.preview;
  const digits = String(Math.max(...counts.flat())).length;
  return Math.min(MOST_LETTERS, ((0.62 * width) / classes.length - 4) / (0.62 * digits));
}

function countTrace(shares, size) {
  const cells = records.preview.counts.flatMap((row, one) => row.map((count, other) => ({ one, other, count })));
  return {
    type: "scatter",
    mode: "text",
    x: cells.map((cell) => cell.other),
    y: cells.map((cell) => cell.one),
    text: cells.map((cell) => String(cell.count)),
    textfont: { size, color: cells.map(({ one, other, count }) => color(shares[one][other] > 0.5 ? "on-accent" : count ? "ink" : "muted")) },
    hoverinfo: "skip",
  };
}

function drawConfusion() {
  const { classes, counts } = records.preview;
  const width = byId("confusion-view").clientWidth;
  const narrow = width < 460;
  const shares = rowShares(counts);
  const size = classes.length;
  const places = classes.map((_, place) => place);
  const shown = classes.map((text) => plainText(shortened(text, narrow ? 9 : 16)));
  const named = (0.75 * width) / size >= PIXELS_A_CLASS ? { tickvals: places, ticktext: shown } : {};
  const shared = { ...named, showgrid: false, zeroline: false, showline: false, ticks: "" };
  const letters = countLetters(width);
  const numbered = size <= COUNTS_UP_TO && letters >= LEAST_LETTERS;
  plot(byId("confusion-view"), [confusionTrace(shares), ...(numbered ? [countTrace(shares, letters)] : [])], {
    xaxis: axis("predicted class", { ...shared, range: [-0.5, size - 0.5], tickangle: size > 4 || narrow ? -45 : 0 }),
    yaxis: axis("true class", { ...shared, range: [size - 0.5, -0.5] }),
    margin: { l: 40, r: 6, t: 6, b: 40 },
  });
  const ramp = swatch(color("accent"), "ramp");
  ramp.style.background = `linear-gradient(90deg, ${color("faint")}, ${color("accent")})`;
  byId("confusion-legend").replaceChildren(legendItem(ramp, "share of the row, 0 to 1"));
}

function startConfusion() {
  if (byId("confusion-view")) keepDrawn(drawConfusion);
}
