// The spans of a trace as columns, in tree order: which are visible, which fail, which match a search.
// @ts-check

/**
 * What comes with the page of a trace. All arrays have one entry a span; texts are numbers into `strings`.
 * @typedef {object} Columns
 * @property {string[]} strings
 * @property {string[]} id
 * @property {number[]} depth 0 for a root
 * @property {number[]} name
 * @property {number[]} kind
 * @property {number[]} model
 * @property {number[]} start microseconds after the start of the trace
 * @property {number[]} length microseconds, -1 while the span runs
 * @property {number[]} first microseconds from the start to the first token, -1 without one
 * @property {number[]} level 0 debug, 1 default, 2 warning, 3 error
 * @property {number[]} tokens -1 without usage
 * @property {number[]} cost dollars, -1 without a cost
 * @property {number} now microseconds after the start of the trace, when this was written
 */

export const ERROR = 3;
export const WARNING = 2;

/** Before the spans are loaded. @type {Columns} */
export const NONE = {
  strings: [], id: [], depth: [], name: [], kind: [], model: [], start: [], length: [], first: [], level: [], tokens: [], cost: [], now: 0,
};

export class Spans {
  /** @param {Columns} columns */
  constructor(columns) {
    this.columns = columns;
    this.count = columns.id.length;
    const { next, parents, places, children } = family(columns.depth);
    /** For each span the row after its last descendant. */
    this.next = next;
    /** For each span the row of its parent, -1 for a root. */
    this.parents = parents;
    /** For each span its place among its siblings, from 1. */
    this.places = places;
    /** For each span the number of its children; of roots at the end. */
    this.children = children;
    this.folded = new Uint8Array(this.count);
    /** Rows that match the search, or null. @type {Uint8Array | null} */
    this.matches = null;
    /** @type {Int32Array} */
    this.visible = new Int32Array(0);
    /** For each span its place in `visible`, or -1. */
    this.place = new Int32Array(this.count);
    /** When the last span of all ends, in microseconds. */
    this.end = 1;
    this.running = 0;
    /** @type {number[]} */
    this.errors = [];
    for (let row = 0; row < this.count; row++) {
      this.end = Math.max(this.end, at(columns.start, row) + this.length(row));
      if (at(columns.length, row) < 0) this.running++;
      if (at(columns.level, row) === ERROR) this.errors.push(row);
    }
    this.show();
  }

  /** @param {number} row */
  name(row) {
    return this.columns.strings[at(this.columns.name, row)] ?? "";
  }

  /** @param {number} row */
  kind(row) {
    return this.columns.strings[at(this.columns.kind, row)] ?? "span";
  }

  /** @param {number} row */
  model(row) {
    return this.columns.strings[at(this.columns.model, row)] ?? "";
  }

  /** @param {number} row how long it ran, or has run until now */
  length(row) {
    const length = at(this.columns.length, row);
    return length < 0 ? Math.max(0, this.columns.now - at(this.columns.start, row)) : length;
  }

  /** @param {number} row */
  isRunning(row) {
    return at(this.columns.length, row) < 0;
  }

  /** @param {number} row */
  hasChildren(row) {
    return at(this.next, row) > row + 1;
  }

  /** @param {number} row @returns {number} -1 for a root */
  parent(row) {
    return at(this.parents, row);
  }

  /** @param {number} row @returns {number} how many spans its parent has, or how many roots there are */
  siblings(row) {
    const parent = this.parent(row);
    return at(this.children, parent < 0 ? this.count : parent);
  }

  /** @param {number} row @returns {number} how many spans below it fail */
  errorsBelow(row) {
    return firstAfter(this.errors, at(this.next, row) - 1) - firstAfter(this.errors, row);
  }

  /** @param {string} id @returns {number} -1 if the trace has no such span */
  find(id) {
    return this.columns.id.indexOf(id);
  }

  /** @param {number} row @param {boolean} folded */
  fold(row, folded) {
    this.folded[row] = folded ? 1 : 0;
    this.show();
  }

  /** @param {number} depth rows at this depth and deeper are folded; -1 unfolds all */
  foldBelow(depth) {
    for (let row = 0; row < this.count; row++) {
      this.folded[row] = depth >= 0 && at(this.columns.depth, row) >= depth && this.hasChildren(row) ? 1 : 0;
    }
    this.show();
  }

  /** Unfolds all ancestors of a row. @param {number} row */
  reveal(row) {
    for (let above = this.parent(row); above >= 0; above = this.parent(above)) this.folded[above] = 0;
    this.show();
  }

  /**
   * @param {string} words part of a name, type or model; empty ends the search
   * @param {Set<string>} ids of spans that match by their texts
   * @returns {number} rows that match
   */
  search(words, ids) {
    const wanted = words.trim().toLowerCase();
    if (!wanted) {
      this.matches = null;
      return 0;
    }
    const hits = this.columns.strings.map((text) => text.toLowerCase().includes(wanted));
    const { id, name, kind, model } = this.columns;
    const matches = new Uint8Array(this.count);
    let count = 0;
    for (let row = 0; row < this.count; row++) {
      if (hits[at(name, row)] || hits[at(kind, row)] || hits[at(model, row)] || (ids.size > 0 && ids.has(id[row] ?? ""))) {
        matches[row] = 1;
        count++;
      }
    }
    this.matches = matches;
    return count;
  }

  /**
   * The nearest row in a direction that fulfils the condition, around the end.
   * @param {number} from @param {number} step @param {(row: number) => boolean} wanted
   */
  nearest(from, step, wanted) {
    for (let count = 1; count <= this.count; count++) {
      const row = (((from + step * count) % this.count) + this.count) % this.count;
      if (wanted(row)) return row;
    }
    return -1;
  }

  /** Computes which rows are visible. */
  show() {
    const rows = new Int32Array(this.count);
    let count = 0;
    this.place.fill(-1);
    for (let row = 0; row < this.count; row = this.folded[row] ? at(this.next, row) : row + 1) {
      this.place[row] = count;
      rows[count++] = row;
    }
    this.visible = rows.subarray(0, count);
  }
}

/** @param {ArrayLike<number>} column @param {number} row */
function at(column, row) {
  return column[row] ?? 0;
}

/** How many of the numbers, which ascend, are not greater. @param {number[]} numbers @param {number} than */
function firstAfter(numbers, than) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(numbers, middle) <= than) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Who belongs to whom, of the depths in tree order. @param {number[]} depth */
function family(depth) {
  const count = depth.length;
  const next = new Int32Array(count);
  const parents = new Int32Array(count);
  const places = new Int32Array(count);
  const children = new Int32Array(count + 1);
  /** @type {number[]} the row at each depth that is not ended yet */
  const open = [];
  for (let row = 0; row <= count; row++) {
    const level = row < count ? at(depth, row) : 0;
    while (open.length > level) next[/** @type {number} */ (open.pop())] = row;
    if (row === count) break;
    const parent = open.at(-1) ?? -1;
    parents[row] = parent;
    const group = parent < 0 ? count : parent;
    places[row] = children[group] = at(children, group) + 1;
    open.push(row);
  }
  return { next, parents, places, children };
}
