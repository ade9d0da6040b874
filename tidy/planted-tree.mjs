// @ts-check
/** Small repositories with a fault planted in them, to prove that a rule finds it. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Tree } from "./tree.mjs";

/**
 * A repository in a directory of its own, removed when the test ends.
 * @param {{ after(callback: () => void): void }} test
 * @param {Readonly<Record<string, string | object>>} files path → text, or a value to be written as JSON
 */
export function plantTree(test, files) {
  const root = mkdtempSync(join(tmpdir(), "polylog-tidy-"));
  test.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  return new Tree(root);
}

/**
 * package.json of a package with one door.
 * @param {string} name
 * @param {Readonly<Record<string, string>>} [dependencies]
 */
export function manifest(name, dependencies = {}) {
  const door = { types: "./dist/index.d.ts", default: "./dist/index.js" };
  return { name: `@polylog/${name}`, exports: { ".": door }, dependencies };
}
