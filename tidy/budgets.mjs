// @ts-check
/** Sizes that keep files readable in one sitting. Exceptions stand in `ratchet.json` and may only shrink. */

import { countExports, countLines, findFunctions } from "./source-text.mjs";
import { isBench, isTestSide } from "./tree.mjs";

/** @typedef {import("./tree.mjs").Tree} Tree */

/** Lines of a source file; 300 is the aim. */
export const sourceLinesMax = 500;
/** Lines of a test file. */
export const testLinesMax = 600;
/** Lines of a function, from its parameters to its closing bracket. A suite of tests is not a function. */
export const functionLinesMax = 70;
/** Names that a door (`index.ts`, `contract.ts`) exports. */
export const doorExportsMax = 40;

/**
 * @typedef {object} Measure
 * @property {"lines" | "function lines" | "exports"} budget
 * @property {string} subject key in the ratchet: the path, for functions with `#name`
 * @property {string} where the path with a line
 * @property {number} size
 * @property {number} max
 * @property {string} help
 */

/** Everything that has a budget, with its size. @param {Tree} tree @returns {Measure[]} */
export function measure(tree) {
  return tree.code.flatMap((path) => [
    measureFile(tree, path),
    ...measureFunctions(tree, path),
    ...measureDoor(tree, path),
  ]);
}

/** @param {Tree} tree @param {string} path @returns {Measure} */
function measureFile(tree, path) {
  const max = isTestSide(path) ? testLinesMax : sourceLinesMax;
  const help = isTestSide(path) ? "split the suite by what it is about" : "split it by concept, one concept per file";
  return { budget: "lines", subject: path, where: path, size: countLines(tree.text(path)), max, help };
}

/** @param {Tree} tree @param {string} path @returns {Measure[]} */
function measureFunctions(tree, path) {
  const suites = isTestSide(path) || isBench(path) || path.endsWith(".test.mjs");
  return findFunctions(tree.text(path), tree.masked(path))
    .filter(({ holdsTests }) => !(suites && holdsTests))
    .map(({ name, line, lines }) => ({
      budget: "function lines",
      subject: `${path}#${name}`,
      where: `${path}:${line} ${name}`,
      size: lines,
      max: functionLinesMax,
      help: "move steps of it into functions below it, in call order",
    }));
}

/** @param {Tree} tree @param {string} path @returns {Measure[]} */
function measureDoor(tree, path) {
  if (!/^packages\/[^/]+\/src\/(.*\/)?(index|contract)\.ts$/.test(path)) return [];
  const size = countExports(tree.masked(path));
  const help = "keep inside what no other package imports";
  return [{ budget: "exports", subject: path, where: path, size, max: doorExportsMax, help }];
}
