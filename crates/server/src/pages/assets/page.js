// What all pages have: theme, help, keys, copying, live events.
// @ts-check

/** @type {Map<string, (event: KeyboardEvent) => void>} */
const keys = new Map();

/**
 * Calls the function when one of the keys is pressed outside of a field.
 * @param {string[]} names as in `KeyboardEvent.key`
 * @param {(event: KeyboardEvent) => void} action
 */
export function onKey(names, action) {
  for (const name of names) keys.set(name, action);
}

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Escape" && target.matches("input, textarea")) target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
  const action = keys.get(event.key);
  if (!action) return;
  event.preventDefault();
  action(event);
});

onKey(["/"], () => {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-search]"));
  field?.focus();
  field?.select();
});
onKey(["?"], openHelp);
for (const [place, link] of document.querySelectorAll(".topbar nav a").entries()) {
  onKey([String(place + 1)], () => /** @type {HTMLElement} */ (link).click());
}

function openHelp() {
  /** @type {HTMLDialogElement | null} */ (document.querySelector("#help"))?.showModal();
}

const THEMES = ["system", "light", "dark"];

/** Changes to the next of system, light and dark. */
function nextTheme() {
  const root = document.documentElement;
  const now = THEMES.indexOf(root.dataset.theme ?? "system");
  const next = THEMES[(now + 1) % THEMES.length] ?? "system";
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // Storage is off: the choice is for this page alone.
  }
  say(`Theme: ${next}`);
}

document.addEventListener("click", async (event) => {
  const origin = /** @type {HTMLElement} */ (event.target);
  const button = /** @type {HTMLElement | null} */ (origin.closest("[data-action]"));
  if (!button) return;
  const { action, from, text } = button.dataset;
  if (action === "help") openHelp();
  else if (action === "theme") nextTheme();
  else if (action === "close") button.closest("dialog")?.close();
  else if (action === "copy") await copy(text ?? "");
  else if (action === "copy-url" && from) await copy(await read(from));
  else if (action === "copy-pre") await copy(button.closest(".block")?.querySelector("[data-raw]")?.textContent ?? "");
});

// With the alt key, all of JSON folds or unfolds with its first level.
document.addEventListener("click", (event) => {
  const whole = /** @type {HTMLElement} */ (event.target).closest(".json summary")?.parentElement;
  if (!event.altKey || !(whole instanceof HTMLDetailsElement)) return;
  for (const inside of whole.querySelectorAll("details")) inside.open = !whole.open;
});

/** @param {string} text puts it on the clipboard and says so */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser does not allow copying");
  }
}

/**
 * The text of a page of this server.
 * @param {string} url
 * @param {AbortSignal} [signal]
 */
export async function read(url, signal) {
  const response = await fetch(url, signal ? { signal } : {});
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}

/** Replaces the marked parts of this page by those of a newer one. @param {Document} fresh */
export function replaceParts(fresh) {
  localTimes(fresh);
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.querySelector(`[data-part=${/** @type {HTMLElement} */ (part).dataset.part}]`);
    if (next) part.replaceWith(next);
  }
}

let timer = 0;

const STYLES = /** @type {Record<string, Intl.DateTimeFormatOptions>} */ ({
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false },
  day: { month: "short", day: "numeric" },
  full: { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false },
});

/** Writes times of the page in the time zone of the browser. @param {ParentNode} part */
export function localTimes(part) {
  for (const element of part.querySelectorAll("time[data-time]")) {
    const { dateTime, dataset } = /** @type {HTMLTimeElement} */ (element);
    const time = new Date(dateTime);
    if (!Number.isNaN(time.valueOf())) element.textContent = time.toLocaleString("en", STYLES[dataset.time ?? "full"]);
  }
}
localTimes(document);

/** @param {string} message shown for two seconds, and read by screen readers */
export function say(message) {
  const toast = /** @type {HTMLElement | null} */ (document.querySelector("#toast"));
  if (!toast) return;
  toast.textContent = message;
  toast.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (toast.hidden = true), 2000);
}

/**
 * Calls the function when traces have changed, at most once in `pause` milliseconds and not while it runs.
 * @param {string} url of the server-sent events
 * @param {number} pause
 * @param {(changed: Set<string>) => Promise<void>} action gets the ids of traces
 */
export function onChange(url, pause, action) {
  const light = /** @type {HTMLElement | null} */ (document.querySelector(".live"));
  /** @type {EventSource | null} */
  let source = null;
  /** @type {Set<string>} */
  let changed = new Set();
  let isBusy = false;
  /** @param {string} state @param {string} text */
  const show = (state, text) => {
    if (!light) return;
    light.dataset.state = state;
    light.textContent = text;
  };
  const run = async () => {
    if (isBusy || changed.size === 0) return;
    isBusy = true;
    const ids = changed;
    changed = new Set();
    try {
      await action(ids);
    } catch {
      // The server has stopped or the page is left: the next event tries again.
    }
    setTimeout(() => {
      isBusy = false;
      run();
    }, pause);
  };
  const open = () => {
    source = new EventSource(url);
    source.addEventListener("open", () => show("on", "Live"));
    source.addEventListener("error", () => show("off", "Server not reachable"));
    source.addEventListener("traces", (event) => {
      for (const id of JSON.parse(event.data)) changed.add(id);
      run();
    });
  };
  const close = () => {
    source?.close();
    source = null;
  };
  // A browser has few connections for one server, so pages in the background leave theirs to the others.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!source) {
      open();
      changed.add("*");
      run();
    }
  });
  addEventListener("pagehide", close);
  // A page that comes back from the browser's cache has no stream.
  addEventListener("pageshow", () => {
    if (!source && !document.hidden) open();
  });
  if (!document.hidden) open();
}
