/* The filter of the table of strongest edges. */

function filterEdges() {
  const table = byId("edge-table");
  const words = byId("edge-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const limit = Number(table.dataset.shown);
  let found = 0;
  for (const row of table.tBodies[0].rows) {
    const text = [...row.cells].map((cell) => cell.textContent.toLowerCase()).join(" ");
    const matches = words.every((word) => text.includes(word));
    if (matches) found += 1;
    row.hidden = !matches || found > limit;
  }
  byId("edge-count").textContent = words.length ? `${found} found` : "";
}

function startEdges() {
  byId("edge-filter")?.addEventListener("input", filterEdges);
}
