// The axis of time above the bars: its scale, zoom by dragging, and a picture of the whole trace.
// @ts-check
import { duration } from "./format.js";

/** @typedef {import("./spans.js").Spans} Spans */

const STEPS = [1, 2, 5];

export class Axis {
  /**
   * @param {HTMLElement} ruler has the ticks
   * @param {HTMLCanvasElement} map shows all spans
   * @param {() => void} onZoom
   */
  constructor(ruler, map, onZoom) {
    this.ruler = ruler;
    this.map = map;
    this.onZoom = onZoom;
    /** @type {Spans | null} */
    this.spans = null;
    this.from = 0;
    this.to = 1;
    this.listen();
  }

  /** @param {Spans} spans shown from now on; a zoom stays */
  load(spans) {
    const isWhole = !this.spans || (this.from === 0 && this.to === this.spans.end);
    this.spans = spans;
    if (isWhole) {
      this.from = 0;
      this.to = spans.end;
    }
    this.paint();
  }

  /** @param {number} from microseconds @param {number} to */
  zoom(from, to) {
    const end = this.spans?.end ?? 1;
    const least = Math.max(20, end / 1e6);
    const middle = (from + to) / 2;
    const half = Math.max(to - from, least) / 2;
    this.from = Math.max(0, middle - half);
    this.to = Math.min(end, middle + half);
    this.paint();
    this.onZoom();
  }

  reset() {
    this.zoom(0, this.spans?.end ?? 1);
  }

  isZoomed() {
    return this.from > 0 || this.to < (this.spans?.end ?? 1);
  }

  /** @param {number} micros @returns {number} percent of the width, also outside of 0 to 100 */
  percent(micros) {
    return ((micros - this.from) / (this.to - this.from)) * 100;
  }

  /** @returns {number[]} times with a tick, as many as there is room for */
  ticks() {
    const room = (this.to - this.from) / Math.min(6, Math.max(2, this.ruler.clientWidth / 70));
    const power = 10 ** Math.floor(Math.log10(room));
    const step = (STEPS.find((factor) => factor * power >= room * 0.8) ?? 10) * power;
    const all = [];
    for (let tick = Math.ceil(this.from / step) * step; tick <= this.to; tick += step) all.push(tick);
    return all;
  }

  paint() {
    this.ruler.replaceChildren(
      ...this.ticks().map((tick) => {
        const mark = document.createElement("span");
        mark.style.left = `${this.percent(tick)}%`;
        // At the end there is no room for words.
        if (this.percent(tick) < 88) mark.textContent = tick === 0 ? "0" : duration(tick).replace(/\.0+(?= )/, "");
        return mark;
      }),
    );
    this.paintMap();
  }

  /** All spans, from the top to the bottom in tree order; the part outside of the zoom is covered. */
  paintMap() {
    const { map, spans } = this;
    const width = map.clientWidth;
    const height = map.clientHeight;
    const context = map.getContext("2d");
    if (!context || !spans || width === 0) return;
    const ratio = devicePixelRatio;
    map.width = width * ratio;
    map.height = height * ratio;
    context.scale(ratio, ratio);
    // The colours are variables that depend on the theme: an element resolves them.
    const probe = map.parentElement?.appendChild(document.createElement("i"));
    /** @param {string} name */
    const resolved = (name) => {
      if (!probe) return "";
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    /** @type {Map<string, string>} */
    const colors = new Map();
    const { level } = spans.columns;
    const thick = Math.max(0.8, Math.min(3, (height - 4) / spans.count - 0.5));
    // Of many spans a sample is painted: the map has some 40 lines of pixels. Errors are painted all.
    const step = Math.max(1, Math.floor(spans.count / 4000));
    for (let row = 0; row < spans.count; row += step) {
      const kind = spans.kind(row);
      let color = colors.get(kind);
      if (color === undefined) colors.set(kind, (color = resolved(`--kind-${kind}`)));
      this.line(context, row, color, width, height, thick);
    }
    context.globalAlpha = 1;
    const error = resolved("--error");
    const cover = resolved("--line-strong");
    probe?.remove();
    for (const row of spans.errors) {
      if (level[row]) this.line(context, row, error, width, height, Math.max(1.5, thick));
    }
    if (!this.isZoomed()) return;
    context.fillStyle = cover;
    context.globalAlpha = 0.55;
    const left = (this.from / spans.end) * width;
    const right = (this.to / spans.end) * width;
    context.fillRect(0, 0, left, height);
    context.fillRect(right, 0, width - right, height);
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {number} row @param {string} color
   * @param {number} width @param {number} height @param {number} thick
   */
  line(context, row, color, width, height, thick) {
    const spans = /** @type {Spans} */ (this.spans);
    const scale = width / spans.end;
    const top = 2 + (row / spans.count) * (height - 4);
    context.fillStyle = color;
    context.fillRect((spans.columns.start[row] ?? 0) * scale, top, Math.max(1, spans.length(row) * scale), thick);
  }

  listen() {
    /** @type {{ x: number, element: HTMLElement, from: number, to: number } | null} */
    let drag = null;
    const brush = document.createElement("i");
    brush.className = "brush";
    /** @param {PointerEvent} event @param {HTMLElement} element */
    const share = (event, element) => {
      const box = element.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    };
    for (const element of [this.ruler, /** @type {HTMLElement} */ (this.map.parentElement)]) {
      element.addEventListener("pointerdown", (event) => {
        const isMap = element !== this.ruler;
        const end = this.spans?.end ?? 1;
        drag = { x: share(event, element), element, from: isMap ? 0 : this.from, to: isMap ? end : this.to };
        element.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      element.addEventListener("pointermove", (event) => {
        if (!drag) return;
        const x = share(event, element);
        brush.style.left = `${Math.min(x, drag.x) * 100}%`;
        brush.style.width = `${Math.abs(x - drag.x) * 100}%`;
        element.append(brush);
      });
      element.addEventListener("pointerup", (event) => {
        if (!drag) return;
        const { x, from, to } = drag;
        const now = share(event, element);
        drag = null;
        brush.remove();
        if (Math.abs(now - x) < 0.01) return;
        const time = (/** @type {number} */ part) => from + part * (to - from);
        this.zoom(time(Math.min(x, now)), time(Math.max(x, now)));
      });
      element.addEventListener("dblclick", () => this.reset());
    }
    new ResizeObserver(() => this.paint()).observe(this.map);
    new MutationObserver(() => this.paint()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  /** @param {number} middle microseconds that stay where they are @param {number} factor below 1 comes nearer */
  scale(middle, factor) {
    this.zoom(middle - (middle - this.from) * factor, middle + (this.to - middle) * factor);
  }
}
