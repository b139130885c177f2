/* What an inference page shows, and the reader's choices. */

const preview = records.preview;

/** `window`, `entity` and `hovered` are null where none is chosen. */
const choices = { sequence: 0, window: null, entity: null, hovered: null, threshold: 0.5, frame: 0 };
const listeners = [];

/** Call `listener` whenever one of the named choices changes. */
function when(names, listener) {
  listeners.push({ names, listener });
}

/** Change some choices and tell whom it concerns. */
function choose(changes) {
  const changed = Object.keys(changes).filter((name) => choices[name] !== changes[name]);
  Object.assign(choices, changes);
  for (const { names, listener } of listeners) {
    if (changed.some((name) => names.includes(name))) listener();
  }
}

/** Colours repeat after the seventh type of interaction. */
function typeColor(type) {
  const rank = preview.no_interaction === false ? type + 1 : type;
  return color(rank === 0 ? "type-0" : `type-${((rank - 1) % 7) + 1}`);
}
