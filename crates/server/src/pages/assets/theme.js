// Sets the theme that was chosen before the page is painted. A classic script, so that it runs before the body is read.
// @ts-check
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage is off: the theme of the system is used.
  }
})();
