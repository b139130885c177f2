/* From probabilities to pairs: pure functions of the records. Dense arrays are [receiver][sender][type]. */

const nEntities = preview.entities.length;
const firstInteraction = preview.no_interaction === false ? 0 : 1;
const interactionTypes = preview.types.map((_, type) => type).slice(firstInteraction);

const currentSequence = () => preview.sequences[choices.sequence];

/** The probabilities of the chosen window, or of the whole recording. */
function probabilities(window = choices.window) {
  const sequence = currentSequence();
  return window === null ? sequence.probability : sequence.windows[window].probability;
}

function strongest(values, candidates) {
  return candidates.reduce((best, type) => (values[type] > values[best] ? type : best), candidates[0]);
}

/**
 * One ordered pair. `strength` is the probability that it interacts at all (of its type, where all types do);
 * `type` is its most probable kind of interaction; `wrong` compares the most probable type with the truth.
 */
function pair(receiver, sender, values, truth) {
  const type = strongest(values, interactionTypes);
  const inferred = strongest(values, preview.types.map((_, index) => index));
  const strength = firstInteraction ? 1 - values[0] : values[type];
  const label = records.label_matching?.[inferred] ?? inferred;
  const known = truth?.[receiver]?.[sender] ?? null;
  return { receiver, sender, type, inferred, strength, values, known, wrong: known !== null && known >= 0 && known !== label };
}

const remembered = new Map();

/** Every pair that has a probability; of an undirected pair only one direction. Worked out once for each graph. */
function pairs(window = choices.window, bothDirections = false) {
  const key = `${choices.sequence} ${window} ${bothDirections}`;
  if (!remembered.has(key)) remembered.set(key, findPairs(window, bothDirections));
  return remembered.get(key);
}

function findPairs(window, bothDirections) {
  const found = [];
  const table = probabilities(window);
  for (let receiver = 0; receiver < nEntities; receiver++) {
    for (let sender = 0; sender < nEntities; sender++) {
      const values = table[receiver][sender];
      const twin = records.undirected && !bothDirections && sender > receiver;
      if (sender === receiver || twin || !values || values[0] === null) continue;
      found.push(pair(receiver, sender, values, currentSequence().truth));
    }
  }
  return found;
}

const touches = (edge, entity) => edge.receiver === entity || edge.sender === entity;
const name = (entity) => preview.entities[entity];
const pairName = (edge) => `${name(edge.sender)} ${records.undirected ? "—" : "→"} ${name(edge.receiver)}`;

/** `type 1 99.8 %, no interaction 0.2 %` */
function pairValues(edge) {
  return edge.values.map((value, type) => `${preview.types[type]} ${percentText(value)}`).join(", ");
}

/** The window of time that holds `time`, or null where the graph does not change. */
function windowAt(time) {
  const at = (currentSequence().windows ?? []).findIndex((window) => time >= window.start && time <= window.stop);
  return at < 0 ? null : at;
}

/** The two axes in which the entities are spread out most, as they stand beside each other. */
function widestAxes(frames) {
  const dimensions = frames[0][0].length;
  if (dimensions <= 2) return [0, 1];
  const spread = Array.from({ length: dimensions }, (_, axisIndex) => {
    const widths = frames.map((frame) => {
      const values = frame.map((point) => point[axisIndex]).filter((value) => value !== null);
      return values.length ? Math.max(...values) - Math.min(...values) : 0;
    });
    return widths.reduce((sum, width) => sum + width, 0);
  });
  const order = spread.map((_, index) => index).sort((a, b) => spread[b] - spread[a]);
  return order.slice(0, 2).sort((a, b) => a - b);
}

/** The frame in which the closest two entities are farthest apart: the easiest to read. Null where none is complete. */
function clearestFrame(frames, [horizontal, vertical]) {
  let best = { frame: null, gap: -1 };
  const stride = Math.max(1, Math.floor(frames.length / 60));
  for (let frame = 0; frame < frames.length; frame += stride) {
    const gap = relativeGap(frames[frame].map((point) => [point[horizontal], point[vertical]]));
    if (gap !== null && gap > best.gap) best = { frame, gap };
  }
  return best.frame;
}

/** The smallest distance between two points over the largest. */
function relativeGap(points) {
  if (points.some((point) => point.includes(null))) return null;
  let [smallest, largest] = [Infinity, 0];
  points.forEach((one, index) => {
    for (const other of points.slice(index + 1)) {
      const distance = Math.hypot(one[0] - other[0], one[1] - other[1]);
      smallest = Math.min(smallest, distance);
      largest = Math.max(largest, distance);
    }
  });
  return largest > 0 ? smallest / largest : 0;
}
