// @ts-check
/** Where things are in the repository, and which compiled file belongs to which source file. No dependencies. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const rootDir = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");

/** TypeScript folders that are no packages: each a project of its own, compiled into its own `dist`. */
export const wholeSystemFolders = ["spec", "interop", "bench"];

const skipped = new Set(["node_modules", "dist", ".git", ".build", "polylog-data"]);

/**
 * Every file under `folder`, as paths from `root` with `/`, sorted; without generated and installed folders.
 * @param {string} folder `""` for the whole repository
 * @param {string} [root]
 * @returns {string[]}
 */
export function listFiles(folder, root = rootDir) {
  /** @type {string[]} */
  const found = [];
  const walk = (/** @type {string} */ at) => {
    for (const entry of readdirSync(join(root, at), { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue; // `.git` is a file in a worktree
      const path = at === "" ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  if (existsSync(join(root, folder))) walk(folder);
  return found.sort();
}

/** Folders of all packages: `packages/base`, …
 * @param {string} [root]
 */
export function packageFolders(root = rootDir) {
  if (!existsSync(join(root, "packages"))) return [];
  return readdirSync(join(root, "packages"))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .sort();
}

/** Every folder with a `tsconfig.json` that is part of the build.
 * @param {string} [root]
 */
export function projectFolders(root = rootDir) {
  const whole = wholeSystemFolders.filter((folder) => existsSync(join(root, folder, "tsconfig.json")));
  return [...packageFolders(root), ...whole];
}

/** Where a project's sources are: packages keep them in `src`, the other projects at their top.
 * @param {string} project
 */
export function sourceFolder(project) {
  return project.startsWith("packages/") ? `${project}/src` : project;
}

/**
 * `packages/base/src/bytes/hash.ts` → `packages/base/dist/bytes/hash.js`, `spec/a.test.ts` → `spec/dist/a.test.js`.
 * @param {string} source
 */
export function compiledPath(source) {
  return source.replace(/^(packages\/[^/]+)\/src\/|^([^/]+)\//, "$1$2/dist/").replace(/\.ts$/, ".js");
}

/**
 * The sources of a project whose name ends with `suffix`. Compiled files are found from their sources, so that a test
 * left over in `dist` from a deleted source is never run.
 * @param {string} project
 * @param {string} suffix for instance `.test.ts`
 */
export function sourcesEndingWith(project, suffix) {
  return listFiles(sourceFolder(project)).filter((path) => path.endsWith(suffix));
}

/**
 * @param {string} path from the repository's root
 * @returns {any}
 */
export function readJson(path, root = rootDir) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

/**
 * True when no words are given or `path` contains one of them.
 * @param {string} path
 * @param {readonly string[]} words
 */
export function matchesWords(path, words) {
  return words.length === 0 || words.some((word) => path.includes(word));
}
