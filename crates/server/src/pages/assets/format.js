// Units as people read them. The same rules as in pages/units.rs.
// @ts-check

/** @param {number} micros @returns {string} a length of time with its unit */
export function duration(micros) {
  if (micros < 1000) return `${Math.round(micros)} µs`;
  if (micros < 99_950) return `${trimmed(micros / 1000, 1)} ms`;
  if (micros < 999_500) return `${Math.round(micros / 1000)} ms`;
  const seconds = micros / 1e6;
  if (seconds < 59.995) return `${seconds.toFixed(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${pad(Math.floor(whole / 60) % 60)}m`;
}

/** @param {number} count @returns {string} */
export function tokens(count) {
  if (count < 10_000) return grouped(count);
  if (count < 999_500) return `${trimmed(count / 1000, 1)}k`;
  return `${trimmed(count / 1e6, 2)}M`;
}

/** @param {number} dollars @returns {string} */
export function cost(dollars) {
  if (dollars === 0) return "$0";
  if (dollars < 0.0001) return "<$0.0001";
  return `$${dollars.toFixed(dollars < 1 ? 4 : 2)}`;
}

/** @param {number} count @returns {string} digits in groups of three */
export function grouped(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** @param {number} value @param {number} digits */
function trimmed(value, digits) {
  return value.toFixed(digits).replace(/\.0+$/, "");
}

/** @param {number} value */
function pad(value) {
  return String(value).padStart(2, "0");
}
