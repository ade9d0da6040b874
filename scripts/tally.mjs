// @ts-check
/** Counts, and the plain line that every part of a run ends with; `.ci/run` adds those lines up. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/** @returns {Tally} */
export const emptyTally = () => ({ passed: 0, failed: 0, skipped: 0 });

/** Adds `more` to `sum`.
 * @param {Tally} sum
 * @param {Tally} more
 */
export function addTally(sum, more) {
  sum.passed += more.passed;
  sum.failed += more.failed;
  sum.skipped += more.skipped;
}

/** Prints the line and sets the exit code of the process.
 * @param {Tally} tally
 */
export function finish({ passed, failed, skipped }) {
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  if (failed > 0) process.exitCode = 1;
}

const colored = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
/** @param {number} code @returns {(text: string) => string} */
const paint = (code) => (text) => (colored ? `\u001b[${code}m${text}\u001b[0m` : text);

export const red = paint(31);
export const green = paint(32);
export const dim = paint(2);

/** @param {number} ms */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
