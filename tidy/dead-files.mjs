// @ts-check
/**
 * Files that nothing reaches. The walk starts at what is run or imported from outside: doors and bins of packages,
 * tests, benchmarks, scripts named in package.json or in CI, and files that a script names by their path.
 */

import { resolveRelative } from "./tree.mjs";

/** @typedef {import("./tree.mjs").Tree} Tree */

/** @param {Tree} tree @returns {string[]} */
export function findDeadFiles(tree) {
  const scripts = tree.code.filter((path) => /^(scripts|tidy|conformance)\//.test(path));
  const waiting = [
    ...tree.packages().flatMap((folder) => doorsAndBins(tree, `packages/${folder}`)),
    ...tree.code.filter((path) => /\.(test|bench)\.(ts|mjs)$/.test(path)),
    ...tree.code.filter((path) => path.startsWith("examples/")),
    ...scripts.flatMap((path) => [...tree.text(path).matchAll(/"([\w./-]+\.ts)"/g)].map((match) => match[1] ?? "")),
    ...scriptsThatAreRun(tree),
  ];
  /** @type {Set<string>} */
  const alive = new Set();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (alive.has(path) || !tree.code.includes(path)) continue;
    alive.add(path);
    for (const { specifier } of tree.imports(path)) {
      if (specifier.startsWith(".")) waiting.push(sourceOf(resolveRelative(path, specifier)));
    }
  }
  return tree.code
    .filter((path) => !alive.has(path))
    .map((path) => `${path}: nothing imports it; delete it, or import it from where it is used`);
}

/** @param {Tree} tree @param {string} folder */
function doorsAndBins(tree, folder) {
  const { exports = {}, bin = {} } = tree.json(`${folder}/package.json`);
  const targets = [
    ...Object.values(exports).map((/** @type {any} */ door) => door.default ?? door),
    ...Object.values(bin),
  ];
  return targets.map((target) => sourceOf(resolveRelative(`${folder}/package.json`, target)));
}

/** Compiled path → source path; workers, too, are named as they are after compiling. @param {string} path */
function sourceOf(path) {
  const source = path.replace(/^(packages\/[^/]+)\/dist\/(.*)\.js$/, "$1/src/$2.ts");
  return /^(packages\/[^/]+\/src|spec|interop|bench)\//.test(source) ? source.replace(/\.js$/, ".ts") : source;
}

/** @param {Tree} tree */
function scriptsThatAreRun(tree) {
  const callers = tree.files.filter((path) => /^(package\.json$|\.ci\/|\.github\/|scripts\/)/.test(path));
  return callers.flatMap((caller) =>
    [...tree.text(caller).matchAll(/\bscripts\/[\w-]+\.mjs\b|"([\w-]+-reporter\.mjs)"/g)]
      .map(([name, reporter]) => (reporter === undefined ? name : `scripts/${reporter}`))
      .filter((name) => name !== caller),
  );
}
