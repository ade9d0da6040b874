// @ts-check
/**
 * Who may import whom. `layers.json` is the only list of the allowed arrows; type imports count like any other.
 *
 * - `arrows`: package → packages it may import, through their doors (`exports`) only.
 * - `external`: package → packages from the registry it may import.
 * - `pure`: packages that turn bytes into values and back; of Node.js they may use `node:buffer` only.
 * - `testsOnly`: what tests, benchmarks, contract suites and `testing/` folders may import besides.
 * - `wholeSystem`: folders that may import every package, and what from the registry.
 */

import { isBuiltin } from "node:module";
import { isBench, isTestSide, packageOf, resolveRelative } from "./tree.mjs";

/** @typedef {import("./tree.mjs").Tree} Tree */
/**
 * @typedef {object} Layers
 * @property {Record<string, string[]>} arrows
 * @property {Record<string, string[]>} external
 * @property {string[]} pure
 * @property {{ packages: string[], external: string[] }} testsOnly
 * @property {Record<string, string[]>} wholeSystem
 */

/** Imports that no arrow allows, or that go around a door. @param {Tree} tree @returns {string[]} */
export function findForbiddenImports(tree) {
  /** @type {Layers} */
  const layers = tree.json("layers.json");
  const doors = readDoors(tree);
  /** @type {string[]} */
  const problems = [];
  for (const path of tree.code) {
    for (const { specifier, line, byUrl } of tree.imports(path)) {
      if (byUrl) continue;
      const problem = specifier.startsWith(".")
        ? judgeRelative(path, specifier)
        : judgeName(path, specifier, layers, doors);
      if (problem !== undefined) problems.push(`${path}:${line} imports ${specifier}: ${problem}`);
    }
  }
  return problems;
}

/** Name of the package → its folder's name and the names it can be imported by. @param {Tree} tree */
function readDoors(tree) {
  /** @type {Map<string, { folder: string, names: Set<string> }>} */
  const doors = new Map();
  for (const folder of tree.packages()) {
    const { name, exports } = tree.json(`packages/${folder}/package.json`);
    const names = Object.keys(exports ?? {}).map((door) => `${name}${door.slice(1)}`);
    doors.set(name, { folder, names: new Set(names) });
  }
  return doors;
}

/** @param {string} path @param {string} specifier */
function judgeRelative(path, specifier) {
  const target = resolveRelative(path, specifier);
  const home = /^packages\/[^/]+\/src\/|^[^/]+\//.exec(path)?.[0] ?? "";
  const toolFolders = /^(scripts|tidy|conformance)\//;
  const ofScripts = toolFolders.test(path) && toolFolders.test(target);
  if (path.endsWith(".ts") && !target.startsWith(home)) return "it leaves its own folder; import the package by name";
  if (path.endsWith(".mjs") && !target.startsWith(home) && !ofScripts) return "it leaves its own folder";
  if (path.endsWith(".ts") && !specifier.endsWith(".ts")) return "write the file's real name, ending in .ts";
  return undefined;
}

/**
 * @param {string} path
 * @param {string} specifier
 * @param {Layers} layers
 * @param {ReturnType<typeof readDoors>} doors
 */
function judgeName(path, specifier, layers, doors) {
  const owner = packageOf(path);
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith("node:")) return `write node:${specifier}`;
    const isPure = owner !== undefined && layers.pure.includes(owner) && !isTestSide(path) && !isBench(path);
    return isPure && specifier !== "node:buffer" ? `${owner} is pure: bytes in, values out` : undefined;
  }
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const door = doors.get(name);
  if (door !== undefined && !door.names.has(specifier)) {
    return `no door of ${name}; its package.json exports ${[...door.names].join(", ")}`;
  }
  if (owner !== undefined) return judgeInPackage(path, owner, name, door?.folder, layers);
  const folder = path.split("/")[0] ?? "";
  const external = layers.wholeSystem[folder];
  if (external === undefined) return "files here import nothing but Node.js and each other";
  return door !== undefined || external.includes(name) ? undefined : `not listed in layers.json for ${folder}/`;
}

/**
 * @param {string} path
 * @param {string} owner
 * @param {string} name
 * @param {string | undefined} target folder of the imported package, when it is one of ours
 * @param {Layers} layers
 */
function judgeInPackage(path, owner, name, target, layers) {
  const testing = isTestSide(path) || isBench(path);
  if (target === owner) return "a package does not import itself by name; use a relative path";
  if (target === undefined) {
    if (layers.external[owner]?.includes(name) || (testing && layers.testsOnly.external.includes(name)))
      return undefined;
    return `not listed for ${owner} in layers.json ("external")`;
  }
  if (layers.testsOnly.packages.includes(target)) {
    return testing ? undefined : `only tests, contract suites, benchmarks and testing/ may import ${target}`;
  }
  if (layers.arrows[owner]?.includes(target)) return undefined;
  return `layers.json has no arrow ${owner} → ${target}; pass it in, or go through a package that ${owner} may import`;
}

// --- cycles --------------------------------------------------------------------------------------------------------

/** Cycles of files that import each other, and of packages in `layers.json`. @param {Tree} tree @returns {string[]} */
export function findImportCycles(tree) {
  /** @type {Map<string, string[]>} */
  const files = new Map();
  for (const path of tree.code) {
    const relative = tree.imports(path).filter(({ specifier, byUrl }) => specifier.startsWith(".") && !byUrl);
    files.set(
      path,
      relative.map(({ specifier }) => resolveRelative(path, specifier)),
    );
  }
  /** @type {Layers} */
  const { arrows } = tree.json("layers.json");
  return [
    ...findCycles(files).map(
      (cycle) => `import cycle: ${cycle.join(" → ")}; move what both need into a file of its own`,
    ),
    ...findCycles(new Map(Object.entries(arrows))).map((cycle) => `layers.json: cycle of arrows: ${cycle.join(" → ")}`),
  ];
}

/**
 * One cycle for each edge that closes one in a walk through the graph.
 * @param {ReadonlyMap<string, readonly string[]>} graph
 * @returns {string[][]}
 */
export function findCycles(graph) {
  /** @type {string[][]} */
  const cycles = [];
  /** @type {Set<string>} */
  const done = new Set();
  /** @type {string[]} */
  const path = [];
  const visit = (/** @type {string} */ node) => {
    const seenAt = path.indexOf(node);
    if (seenAt !== -1) {
      cycles.push([...path.slice(seenAt), node]);
      return;
    }
    if (done.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) visit(next);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return cycles;
}

// --- manifests -----------------------------------------------------------------------------------------------------

/** Where package.json or tsconfig.json of a package names other packages than `layers.json` does.
 * @param {Tree} tree
 * @returns {string[]}
 */
export function findManifestProblems(tree) {
  /** @type {Layers} */
  const layers = tree.json("layers.json");
  /** @type {string[]} */
  const problems = [];
  for (const folder of tree.packages()) {
    const at = `packages/${folder}`;
    const arrows = layers.arrows[folder];
    if (arrows === undefined) {
      problems.push(`layers.json has no row for ${at}; add it to "arrows"`);
      continue;
    }
    const wanted = [
      ...arrows.map((name) => tree.json(`packages/${name}/package.json`).name),
      ...(layers.external[folder] ?? []),
    ];
    const named = Object.keys(tree.json(`${at}/package.json`).dependencies ?? {});
    problems.push(...compare(`${at}/package.json "dependencies"`, named, wanted));
    if (!tree.has(`${at}/tsconfig.json`)) continue;
    const references = (tree.json(`${at}/tsconfig.json`).references ?? []).map((/** @type {any} */ each) =>
      each.path.slice(3),
    );
    const forTests = layers.testsOnly.packages.filter((name) => references.includes(name));
    problems.push(...compare(`${at}/tsconfig.json "references"`, references, [...arrows, ...forTests]));
  }
  return problems;
}

/** @param {string} where @param {string[]} named @param {string[]} wanted */
function compare(where, named, wanted) {
  const extra = named
    .filter((name) => !wanted.includes(name))
    .map((name) => `${where} names ${name}; layers.json does not`);
  const missing = wanted
    .filter((name) => !named.includes(name))
    .map((name) => `${where} lacks ${name}; layers.json has it`);
  return [...extra, ...missing];
}
