// Lists and what is like them, a session and the overview: keyboard, and what arrives while the page is open.
// @ts-check
import { onChange, onKey, read, replaceParts } from "./page.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-list]"));

/** @returns {HTMLElement[]} */
function rows() {
  return [...list.querySelectorAll("[data-level]")].map((row) => /** @type {HTMLElement} */ (row));
}

/** @param {number} step @param {(row: HTMLElement) => boolean} [wanted] */
function move(step, wanted = () => true) {
  const all = rows();
  const now = all.findIndex((row) => row.hasAttribute("data-current"));
  let next = now < 0 && step < 0 ? all.length - 1 : now + step;
  while (next >= 0 && next < all.length && !wanted(/** @type {HTMLElement} */ (all[next]))) next += step;
  const row = all[next];
  if (!row) return;
  all[now]?.removeAttribute("data-current");
  row.setAttribute("data-current", "");
  row.scrollIntoView({ block: "nearest" });
  row.querySelector("a")?.focus({ preventScroll: true });
}

/** @param {HTMLElement} row */
const hasError = (row) => row.dataset.level === "error";

onKey(["j", "ArrowDown"], () => move(1));
onKey(["k", "ArrowUp"], () => move(-1));
onKey(["n"], () => move(1, hasError));
onKey(["p"], () => move(-1, hasError));
onKey(["Enter", "o"], () => {
  const link = list.querySelector("[data-current] a") ?? document.activeElement;
  if (link instanceof HTMLAnchorElement) link.click();
});
onKey(["x"], () => {
  const box = /** @type {HTMLInputElement | null} */ (list.querySelector("[data-current] input[name=t]"));
  if (!box) return;
  box.checked = !box.checked;
  offerCompare();
});

/** Two traces can be compared when two are chosen. */
function offerCompare() {
  const chosen = [...list.querySelectorAll("input[name=t]:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
  const button = /** @type {HTMLButtonElement | null} */ (document.querySelector("#compare"));
  if (!button) return;
  button.disabled = chosen.length !== 2;
  button.textContent = chosen.length === 0 ? "Compare" : `Compare (${chosen.length} of 2)`;
}
list.addEventListener("change", offerCompare);

// A filter applies when it is chosen.
for (const select of document.querySelectorAll("form.filters select")) {
  select.addEventListener("change", () => /** @type {HTMLSelectElement} */ (select).form?.requestSubmit());
}

/** Loads the list again from the server, with the same filters; rows that are new are marked. */
async function refresh() {
  const known = new Set(rows().map((row) => row.id));
  const chosen = new Set([...list.querySelectorAll("input[name=t]:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value));
  const current = list.querySelector("[data-current]")?.id;
  const hasFocus = list.contains(document.activeElement);
  const url = new URL(location.href);
  const fresh = new DOMParser().parseFromString(await read(url.pathname + url.search), "text/html");
  const next = fresh.querySelector("[data-list]");
  if (!next) return;
  for (const row of next.querySelectorAll("[data-level]")) {
    if (!known.has(row.id)) row.setAttribute("data-new", "");
    if (row.id === current) row.setAttribute("data-current", "");
    const box = /** @type {HTMLInputElement | null} */ (row.querySelector("input[name=t]"));
    if (box) box.checked = chosen.has(box.value);
  }
  replaceParts(fresh);
  list.replaceChildren(...next.childNodes);
  if (hasFocus) /** @type {HTMLElement | null} */ (list.querySelector("[data-current] a"))?.focus({ preventScroll: true });
  offerCompare();
}

if (list.dataset.live) onChange(list.dataset.live, Number(list.dataset.pause ?? 500), refresh);
offerCompare();
