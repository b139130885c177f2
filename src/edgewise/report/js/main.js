/* Wiring: controls that several parts share. */

function chooseSequence(index) {
  if (playing !== null) setPlaying(false);
  choose({ sequence: index, window: null, frame: firstFrame(index) });
}

function showSequence() {
  const last = preview.sequences.length - 1;
  for (const select of document.querySelectorAll('[data-choose="sequence"]')) select.value = choices.sequence;
  for (const button of document.querySelectorAll("[data-sequence-step]")) {
    const target = choices.sequence + Number(button.dataset.sequenceStep);
    button.disabled = target < 0 || target > last;
  }
  const windows = currentSequence().windows ?? [];
  const spans = windows.map((span, index) => [index, `${numberText(span.start)} to ${numberText(span.stop)}`]);
  fillSelect(byId("window"), [["", "whole recording"], ...spans]);
  byId("window-control").hidden = !windows.length;
}

function wireControls() {
  const numberOrNull = (text) => (text === "" ? null : Number(text));
  for (const select of document.querySelectorAll('[data-choose="sequence"]')) {
    select.addEventListener("change", () => chooseSequence(Number(select.value)));
  }
  for (const button of document.querySelectorAll("[data-sequence-step]")) {
    button.addEventListener("click", () => chooseSequence(choices.sequence + Number(button.dataset.sequenceStep)));
  }
  byId("window").addEventListener("change", (event) => choose({ window: numberOrNull(event.target.value) }));
  byId("entity").addEventListener("change", (event) => choose({ entity: numberOrNull(event.target.value) }));
  byId("threshold").addEventListener("input", (event) => choose({ threshold: Number(event.target.value) }));
  when(["entity"], () => (byId("entity").value = choices.entity ?? ""));
  when(["sequence"], showSequence);
  showSequence();
}

if (preview.sequences.length) {
  wireControls();
  startGraph();
  startMatrix();
  startMotion();
}
startLaw();
startQuality();
startEdges();
startRollout();
startDrift();
wireColors();
