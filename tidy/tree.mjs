// @ts-check
/** The files that the rules look at, read once, and which kind each is. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { listFiles, packageFolders, rootDir } from "../scripts/repository.mjs";
import { findImports, maskText } from "./source-text.mjs";

export class Tree {
  /** @type {string} */
  root;
  /** Every file, as a path from the root with `/`. @type {readonly string[]} */
  files;
  /** Files with TypeScript or JavaScript in them. @type {readonly string[]} */
  code;
  /** @type {Map<string, string>} */
  #texts = new Map();
  /** @type {Map<string, string>} */
  #masked = new Map();

  constructor(root = rootDir) {
    this.root = root;
    this.files = listFiles("", root);
    this.code = this.files.filter((path) => /\.(ts|mjs|js)$/.test(path) && !path.endsWith(".d.ts"));
  }

  /** @param {string} path */
  has(path) {
    return existsSync(join(this.root, path));
  }

  /** @param {string} path @returns {string} */
  text(path) {
    const known = this.#texts.get(path) ?? readFileSync(join(this.root, path), "utf8");
    this.#texts.set(path, known);
    return known;
  }

  /** The text with comments and the insides of strings blanked. @param {string} path @returns {string} */
  masked(path) {
    const known = this.#masked.get(path) ?? maskText(this.text(path));
    this.#masked.set(path, known);
    return known;
  }

  /** @param {string} path @returns {any} */
  json(path) {
    return JSON.parse(this.text(path));
  }

  /** @param {string} path */
  imports(path) {
    return findImports(this.text(path), this.masked(path));
  }

  /** Package folders' last parts: `base`, `mqtt-wire`, … */
  packages() {
    return packageFolders(this.root).map((folder) => folder.slice("packages/".length));
  }
}

/** `packages/base/src/x.ts` → `base`; undefined outside the packages. @param {string} path */
export const packageOf = (path) => /^packages\/([^/]+)\//.exec(path)?.[1];

/** Code that only tests run. @param {string} path */
export const isTestSide = (path) =>
  /\.(test|contract)\.(ts|mjs)$|(^|\/)contract\.ts$|\/testing\/|^packages\/testkit\/|^(spec|interop)\//.test(path);

/** @param {string} path */
export const isBench = (path) => /\.bench\.ts$|^bench\//.test(path);

/** What runs in production: sources of packages without tests and benchmarks. @param {string} path */
export const isProduct = (path) => /^packages\/[^/]+\/src\//.test(path) && !isTestSide(path) && !isBench(path);

/** The file a relative import names, as a path from the root. @param {string} from @param {string} specifier */
export const resolveRelative = (from, specifier) => posix.normalize(`${dirname(from)}/${specifier}`);
