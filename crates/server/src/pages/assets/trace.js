// The page of a trace: loads the spans, connects tree, axis, detail and keys.
// @ts-check
import { Axis } from "./axis.js";
import { grouped } from "./format.js";
import { copy, localTimes, onChange, onKey, read, replaceParts, say } from "./page.js";
import { NONE, Spans } from "./spans.js";
import { Tree } from "./tree.js";

/** @template {Element} T @param {string} selector @returns {T} */
const one = (selector) => /** @type {T} */ (document.querySelector(selector));

const page = /** @type {HTMLElement} */ (one("[data-trace]"));
const url = `/traces/${encodeURIComponent(page.dataset.trace ?? "")}`;
const detail = /** @type {HTMLElement} */ (one("#detail"));
const found = /** @type {HTMLElement} */ (one("#found"));
const search = /** @type {HTMLInputElement} */ (one("#find"));

const axis = new Axis(one("#ruler"), one("#map"), () => {
  tree.repaint();
  /** @type {HTMLElement} */ (one("#whole")).hidden = !axis.isZoomed();
});
const tree = new Tree(one("#spans"), axis, (row) => open(row));
let spans = new Spans(NONE);
/** Spans whose texts match the search. @type {Set<string>} */
let inTexts = new Set();
let typing = 0;
/** @type {AbortController | null} */
let searching = null;
/** @type {AbortController | null} */
let loading = null;
/** The detail of the trace itself, as the page came with it. */
const ofTrace = detail.querySelector("[data-detail=trace]")?.cloneNode(true) ?? null;

/** The spans that came with a page. @param {Document} from @returns {import("./spans.js").Columns} */
function columnsOf(from) {
  const element = from.querySelector("#columns");
  const columns = JSON.parse(element?.textContent ?? "");
  // The text would stay in memory.
  element?.remove();
  return columns;
}

/** Shows the spans; what is folded, selected and zoomed stays. @param {import("./spans.js").Columns} columns */
function load(columns) {
  const folded = new Set();
  for (let row = 0; row < spans.count; row++) if (spans.folded[row]) folded.add(spans.columns.id[row]);
  const fresh = new Spans(columns);
  if (folded.size > 0) {
    for (let row = 0; row < fresh.count; row++) if (folded.has(columns.id[row])) fresh.folded[row] = 1;
    fresh.show();
  }
  if (spans.matches) fresh.search(search.value, inTexts);
  spans = fresh;
  axis.load(spans);
  tree.load(spans);
  document.documentElement.dataset.spans = String(spans.count);
}

/** Shows the detail of a span. @param {number} row */
async function open(row) {
  const id = spans.columns.id[row] ?? "";
  const address = new URL(location.href);
  address.searchParams.set("span", id);
  history.replaceState(null, "", address);
  page.dataset.detail = "span";
  loading?.abort();
  loading = new AbortController();
  try {
    const html = await read(`${url}/spans/${encodeURIComponent(id)}`, loading.signal);
    const fresh = new DOMParser().parseFromString(html, "text/html");
    localTimes(fresh);
    show(fresh.querySelector("[data-detail]"));
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    show(null);
    detail.textContent = "The span cannot be loaded: the server does not answer.";
  }
}

/** @param {Node | null} content */
function show(content) {
  if (content) detail.replaceChildren(content);
  else detail.replaceChildren();
  detail.scrollTop = 0;
}

/** Shows the detail of the whole trace. */
function showTrace() {
  loading?.abort();
  const address = new URL(location.href);
  address.searchParams.delete("span");
  history.replaceState(null, "", address);
  if (ofTrace) show(ofTrace.cloneNode(true));
  page.dataset.detail = "trace";
  tree.selected = -1;
  tree.repaint();
}

/** @param {number} step 1 for the next error, -1 for the one before */
function toError(step) {
  if (spans.errors.length === 0) {
    say("No span failed");
    return;
  }
  const from = tree.selected < 0 && step < 0 ? 0 : tree.selected;
  const row = spans.nearest(from, step, (row) => spans.columns.level[row] === 3);
  tree.select(row);
  say(`Error ${spans.errors.indexOf(row) + 1} of ${spans.errors.length}`);
}

/** @param {number} step */
function toMatch(step) {
  const row = spans.matches ? spans.nearest(tree.selected, step, (row) => spans.matches?.[row] === 1) : -1;
  if (row >= 0) tree.select(row);
}

function find() {
  const count = spans.search(search.value, inTexts);
  found.textContent = search.value.trim() ? `${grouped(count)} found` : "";
  tree.repaint();
}

/** Names at once, and words of inputs, outputs and metadata when the server has found them. */
async function findAll() {
  clearTimeout(typing);
  searching?.abort();
  inTexts = new Set();
  find();
  const words = search.value;
  if (!words.trim()) return;
  searching = new AbortController();
  const { signal } = searching;
  typing = setTimeout(async () => {
    try {
      const { ids, isPartial } = JSON.parse(await read(`${url}/find?q=${encodeURIComponent(words)}`, signal));
      inTexts = new Set(ids);
      find();
      if (isPartial) found.textContent += ", and more";
    } catch {
      // Another search has begun, or the server does not answer: names were searched.
    }
  }, 150);
}

search.addEventListener("input", findAll);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") toMatch(event.shiftKey ? -1 : 1);
});

onKey(["j", "ArrowDown"], () => tree.move(1));
onKey(["k", "ArrowUp"], () => tree.move(-1));
onKey(["h", "ArrowLeft"], () => tree.left());
onKey(["l", "ArrowRight"], () => tree.right());
onKey(["PageDown"], () => tree.move(20));
onKey(["PageUp"], () => tree.move(-20));
onKey(["Home"], () => tree.move(-spans.count));
onKey(["End"], () => tree.move(spans.count));
onKey(["n"], () => toError(1));
onKey(["p"], () => toError(-1));
onKey(["N"], () => location.assign(`${url}/error?to=newer`));
onKey(["P"], () => location.assign(`${url}/error?to=older`));
onKey(["z"], () => tree.zoomTo(tree.selected));
onKey(["0"], () => axis.reset());
onKey(["t", "Escape"], showTrace);
onKey(["e"], () => foldAll(-1));
onKey(["c"], () => foldAll(1));
onKey(["y"], () => copySubtree("md"));
onKey(["Y"], () => copySubtree("json"));
onKey(["Enter"], () => detail.focus());

/** @param {number} depth */
function foldAll(depth) {
  spans.foldBelow(depth);
  if (tree.selected >= 0 && (spans.place[tree.selected] ?? -1) < 0) tree.select(0);
  tree.repaint();
}

/** @param {string} form `md` or `json` */
async function copySubtree(form) {
  const id = spans.columns.id[tree.selected];
  await copy(await read(id === undefined ? `${url}/export.${form}` : `${url}/spans/${encodeURIComponent(id)}/export.${form}`));
}

page.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-do]");
  if (!(button instanceof HTMLElement)) return;
  const actions = {
    "next-error": () => toError(1),
    "previous-error": () => toError(-1),
    fold: () => foldAll(1),
    unfold: () => foldAll(-1),
    whole: () => axis.reset(),
    trace: showTrace,
  };
  actions[/** @type {keyof typeof actions} */ (button.dataset.do)]?.();
});
detail.addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest("a[data-span]");
  if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey) return;
  const row = spans.find(link.dataset.span ?? "");
  if (row < 0) return;
  event.preventDefault();
  tree.select(row);
});

// The border between the list and the detail can be moved.
const split = /** @type {HTMLElement} */ (one("#split"));
split.addEventListener("pointerdown", (event) => {
  split.setPointerCapture(event.pointerId);
  const box = page.getBoundingClientRect();
  /** @param {PointerEvent} move */
  const drag = (move) => {
    const share = ((box.right - move.clientX) / box.width) * 100;
    page.style.setProperty("--detail", `${Math.min(75, Math.max(20, share))}%`);
  };
  split.addEventListener("pointermove", drag);
  split.addEventListener("pointerup", () => split.removeEventListener("pointermove", drag), { once: true });
});

/** A running trace: bars of running spans grow, and what arrives is shown. */
async function refresh() {
  const fresh = new DOMParser().parseFromString(await read(url), "text/html");
  load(columnsOf(fresh));
  replaceParts(fresh);
}

// The marks are read by the tests: when the modules are there, the spans are read, the rows are made, and on the screen.
performance.mark("modules");
const columns = columnsOf(document);
performance.mark("read");
load(columns);
performance.mark("rows");
if (search.value) findAll();
const wanted = new URL(location.href).searchParams.get("span");
const row = wanted === null ? -1 : spans.find(wanted);
if (row >= 0) tree.select(row, true);
requestAnimationFrame(() => setTimeout(() => performance.mark("spans")));
if (page.dataset.live) {
  onChange(page.dataset.live, 1000, async (changed) => {
    if (changed.has(page.dataset.trace ?? "") || changed.has("*")) await refresh();
  });
}
