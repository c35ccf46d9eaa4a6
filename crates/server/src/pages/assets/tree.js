// Tree and waterfall in one list. Only the rows on the screen are in the document.
// @ts-check
import { cost, duration, grouped, tokens } from "./format.js";
import { ERROR, WARNING } from "./spans.js";

/** @typedef {import("./spans.js").Spans} Spans */
/** @typedef {import("./axis.js").Axis} Axis */

const ROW = 28;
const MARGIN = 6;
const INDENT = 14;
const DEEPEST = 24;

export class Tree {
  /**
   * @param {HTMLElement} box scrolls
   * @param {Axis} axis
   * @param {(row: number) => void} onSelect
   */
  constructor(box, axis, onSelect) {
    this.box = box;
    this.space = /** @type {HTMLElement} */ (box.querySelector(".space"));
    this.axis = axis;
    this.onSelect = onSelect;
    /** @type {Spans | null} */
    this.spans = null;
    this.selected = -1;
    /** @type {Map<number, Row>} rows of spans that are in the document */
    this.rows = new Map();
    /** @type {Row[]} rows that are in the document, but free */
    this.free = [];
    this.isAsked = false;
    box.addEventListener("scroll", () => this.ask(), { passive: true });
    new ResizeObserver(() => {
      box.parentElement?.style.setProperty("--gutter", `${box.offsetWidth - box.clientWidth}px`);
      this.ask();
    }).observe(box);
    box.addEventListener("click", (event) => this.click(event));
    box.addEventListener("dblclick", (event) => {
      const row = this.rowOf(event);
      if (row >= 0) this.zoomTo(row);
    });
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** @param {Spans} spans */
  load(spans) {
    const id = this.spans?.columns.id[this.selected];
    this.spans = spans;
    if (id !== undefined) this.selected = spans.find(id);
    this.clear();
    this.paint();
  }

  /** Paints before the next frame. */
  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.paint();
    });
  }

  /** Takes all rows out of use, since their content has changed. */
  clear() {
    for (const row of this.rows.values()) this.free.push(row);
    this.rows.clear();
  }

  repaint() {
    this.clear();
    this.ask();
  }

  paint() {
    const { spans, box } = this;
    if (!spans) return;
    const count = spans.visible.length;
    this.space.style.height = `${count * ROW}px`;
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - MARGIN);
    const last = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + MARGIN);
    for (const [span, row] of this.rows) {
      const place = spans.place[span] ?? -1;
      if (place < first || place >= last) {
        this.rows.delete(span);
        this.free.push(row);
      }
    }
    for (let place = first; place < last; place++) {
      const span = spans.visible[place] ?? 0;
      if (this.rows.has(span)) continue;
      const row = this.free.pop() ?? new Row(this.space);
      row.fill(spans, span, place, this.axis, span === this.selected);
      this.rows.set(span, row);
    }
    for (const row of this.free) row.element.hidden = true;
    const active = this.rows.get(this.selected);
    if (active) box.setAttribute("aria-activedescendant", active.element.id);
    else box.removeAttribute("aria-activedescendant");
  }

  /** @param {number} span @param {boolean} [quiet] without a call of `onSelect` */
  select(span, quiet) {
    const { spans } = this;
    if (!spans || span < 0 || span >= spans.count) return;
    if ((spans.place[span] ?? -1) < 0) {
      spans.reveal(span);
      this.clear();
    }
    this.rows.get(this.selected)?.mark(false);
    this.selected = span;
    this.rows.get(span)?.mark(true);
    const top = (spans.place[span] ?? 0) * ROW;
    const { scrollTop, clientHeight } = this.box;
    this.space.style.height = `${spans.visible.length * ROW}px`;
    if (top < scrollTop) this.box.scrollTop = Math.max(0, top - ROW);
    else if (top + 2 * ROW > scrollTop + clientHeight) this.box.scrollTop = top + 2 * ROW - clientHeight;
    this.ask();
    if (!quiet) this.onSelect(span);
  }

  /** @param {number} step rows down, or up if it is negative */
  move(step) {
    const { spans } = this;
    if (!spans) return;
    const place = this.selected < 0 ? -1 : (spans.place[this.selected] ?? -1);
    const next = Math.min(spans.visible.length - 1, Math.max(0, place + step));
    this.select(spans.visible[next] ?? 0);
  }

  /** Folds the selected row, or goes to its parent. */
  left() {
    const { spans, selected } = this;
    if (!spans || selected < 0) return;
    if (spans.hasChildren(selected) && !spans.folded[selected]) this.fold(selected, true);
    else this.select(spans.parent(selected));
  }

  /** Unfolds the selected row, or goes to its first child. */
  right() {
    const { spans, selected } = this;
    if (!spans || selected < 0 || !spans.hasChildren(selected)) return;
    if (spans.folded[selected]) this.fold(selected, false);
    else this.select(selected + 1);
  }

  /** @param {number} span @param {boolean} folded */
  fold(span, folded) {
    this.spans?.fold(span, folded);
    this.repaint();
  }

  /** @param {number} span */
  zoomTo(span) {
    const { spans } = this;
    if (!spans || span < 0) return;
    const start = spans.columns.start[span] ?? 0;
    const length = spans.length(span);
    this.axis.zoom(start - length * 0.02, start + length * 1.02);
  }

  /** @param {Event} event @returns {number} */
  rowOf(event) {
    const element = /** @type {HTMLElement} */ (event.target).closest("[data-row]");
    return element instanceof HTMLElement ? Number(element.dataset.row) : -1;
  }

  /** @param {MouseEvent} event */
  click(event) {
    const span = this.rowOf(event);
    if (span < 0 || !this.spans) return;
    const isFold = /** @type {HTMLElement} */ (event.target).closest(".fold");
    if (isFold && this.spans.hasChildren(span)) this.fold(span, !this.spans.folded[span]);
    else this.select(span);
  }

  /** @param {WheelEvent} event with the control key, or two fingers on a touchpad */
  wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const bar = /** @type {HTMLElement | null} */ (this.space.querySelector(".track"));
    if (!bar) return;
    const box = bar.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const { axis } = this;
    axis.scale(axis.from + share * (axis.to - axis.from), event.deltaY > 0 ? 1.25 : 0.8);
  }
}

/** The elements of one row, which are used again for another span. */
class Row {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.element = part("div", "row");
    this.element.setAttribute("role", "treeitem");
    const tree = part("div", "label");
    this.fold = part("span", "fold");
    this.kind = part("i", "kind");
    this.name = part("span", "name");
    this.name.dir = "auto";
    this.model = part("span", "model");
    this.badge = part("span", "badge");
    /** How many rows a folded one hides. */
    this.below = part("span", "badge below");
    tree.append(this.fold, this.kind, this.name, this.model, this.badge, this.below);
    this.tree = tree;
    this.tokens = part("div", "figure tokens");
    this.cost = part("div", "figure cost");
    this.length = part("div", "figure");
    const track = part("div", "track");
    this.bar = part("i", "bar");
    this.first = part("i", "first");
    this.bar.append(this.first);
    track.append(this.bar);
    this.element.append(tree, this.tokens, this.cost, this.length, track);
    parent.append(this.element);
  }

  /** @param {Spans} spans @param {number} span @param {number} place @param {Axis} axis @param {boolean} isSelected */
  fill(spans, span, place, axis, isSelected) {
    const { element, name, model } = this;
    const { columns } = spans;
    const depth = columns.depth[span] ?? 0;
    const level = columns.level[span] ?? 1;
    const kind = spans.kind(span);
    const hasChildren = spans.hasChildren(span);
    const isRunning = spans.isRunning(span);
    const length = spans.length(span);
    element.hidden = false;
    element.id = `row-${span}`;
    element.dataset.row = String(span);
    element.style.transform = `translateY(${place * ROW}px)`;
    element.setAttribute("aria-level", String(depth + 1));
    // Few rows are in the document: a screen reader is told where they are.
    element.setAttribute("aria-posinset", String(spans.places[span]));
    element.setAttribute("aria-setsize", String(spans.siblings(span)));
    if (hasChildren) element.setAttribute("aria-expanded", String(!spans.folded[span]));
    else element.removeAttribute("aria-expanded");
    element.className = "row";
    element.classList.toggle("is-error", level === ERROR);
    element.classList.toggle("is-warning", level === WARNING);
    element.classList.toggle("is-running", isRunning);
    element.classList.toggle("is-dim", spans.matches !== null && !spans.matches[span]);
    this.mark(isSelected);
    this.tree.style.paddingLeft = `${6 + Math.min(depth, DEEPEST) * INDENT}px`;
    this.tree.style.setProperty("--guides", `${Math.min(depth, DEEPEST) * INDENT}px`);
    this.fold.className = hasChildren ? (spans.folded[span] ? "fold is-folded" : "fold is-open") : "fold";
    this.kind.className = `kind kind-${kind}`;
    this.kind.title = kind;
    name.textContent = spans.name(span);
    name.title = spans.name(span);
    model.textContent = spans.model(span);
    const isFolded = hasChildren && spans.folded[span] === 1;
    const failed = isFolded ? spans.errorsBelow(span) : 0;
    this.badge.textContent = level === ERROR ? "error" : level === WARNING ? "warning" : isRunning ? "running" : "";
    this.below.textContent = isFolded ? `+${grouped((spans.next[span] ?? 0) - span - 1)}` : "";
    if (failed > 0) this.below.textContent += `, ${grouped(failed)} failed`;
    element.classList.toggle("hides-error", failed > 0);
    const count = columns.tokens[span] ?? -1;
    const dollars = columns.cost[span] ?? -1;
    this.tokens.textContent = count < 0 ? "" : tokens(count);
    this.cost.textContent = dollars < 0 ? "" : cost(dollars);
    this.length.textContent = kind === "event" ? "" : duration(length);
    this.place(spans, span, axis, kind, length);
    const words = [kind, spans.name(span), spans.model(span), isRunning ? "running" : duration(length)];
    if (count >= 0) words.push(`${tokens(count)} tokens`);
    if (level >= WARNING) words.push(level === ERROR ? "error" : "warning");
    if (failed > 0) words.push(`${failed} below failed`);
    element.setAttribute("aria-label", words.filter(Boolean).join(", "));
  }

  /** @param {Spans} spans @param {number} span @param {Axis} axis @param {string} kind @param {number} length */
  place(spans, span, axis, kind, length) {
    const start = spans.columns.start[span] ?? 0;
    const left = axis.percent(start);
    const right = axis.percent(start + length);
    const { bar, first } = this;
    bar.hidden = right < 0 || left > 100;
    const from = Math.max(0, left);
    bar.style.left = `${from}%`;
    bar.style.width = `${Math.max(0, Math.min(100, right) - from)}%`;
    bar.className = `bar kind-${kind}`;
    const wait = spans.columns.first[span] ?? -1;
    first.hidden = wait < 0 || length === 0 || wait > length;
    if (!first.hidden) first.style.width = `${Math.max(0, Math.min(100, ((axis.percent(start + wait) - from) / (Math.min(100, right) - from)) * 100))}%`;
  }

  /** @param {boolean} isSelected */
  mark(isSelected) {
    this.element.setAttribute("aria-selected", String(isSelected));
  }
}

/** @param {string} tag @param {string} name of its class */
function part(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}
