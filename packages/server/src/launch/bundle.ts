/**
 * The bundle: all modules of the commands in one file, made by `scripts/bundle.mjs`, and beside it what V8 compiled of it
 * while a server started. Loading 400 modules is what most of a start would be.
 *
 *     dist/polylog.cjs        first line: // and the hash of the rest
 *     dist/polylog.cjs.map    where its lines come from; read when a stack trace is printed
 *     dist/polylog.cjs.code   that hash, then V8's code cache; ignored when it is another's, and V8 refuses those of
 *                             another version or other flags
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { mapStackTraces } from "./stack-traces.ts";

export interface BundleFiles {
  readonly source: string;
  readonly sourceMap: string;
  readonly code: string;
}

const source = fileURLToPath(new URL("../polylog.cjs", import.meta.url));
export const bundleFiles: BundleFiles = { source, sourceMap: `${source}.map`, code: `${source}.code` };

/** Characters of the hash in hex. */
const hashSize = 64;
const hashStart = "// ".length;

/**
 * In the repository, modules may have been compiled since without bundling them (`tsc -b`): the compiler's notes are newer
 * then, and the bundle is not to be used. An installed package has no such notes.
 */
export function isBundleCurrent({ source }: BundleFiles): boolean {
  const bundledAtMs = modifiedAtMs(source);
  if (bundledAtMs === undefined) return false;
  const packages = fileURLToPath(new URL("../../../", import.meta.url));
  const compiledAtMs = (name: string) => modifiedAtMs(`${packages}${name}/dist/.tsbuildinfo`);
  if (compiledAtMs("server") === undefined) return true;
  return readdirSync(packages).every((name) => (compiledAtMs(name) ?? 0) < bundledAtMs);
}

/** Returns what is needed to keep V8's code once more of it was compiled. */
export function runBundle({ source, sourceMap, code }: BundleFiles): { hash: string; script: Script } {
  const text = readFileSync(source, "latin1"); // It is ASCII; so V8 keeps one byte per character.
  const hash = text.slice(hashStart, hashStart + hashSize);
  const cachedData = readCode(code, hash);
  // The first line is a comment, so what is put before it moves nothing that a stack trace could name.
  const script = new Script(`(function (require, __filename) {${text}\n})`, {
    filename: source,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  mapStackTraces(source, sourceMap);
  script.runInThisContext()(createRequire(source), source);
  return { hash, script };
}

function readCode(file: string, hash: string): Buffer | undefined {
  try {
    const content = readFileSync(file);
    return content.toString("latin1", 0, hashSize) === hash ? content.subarray(hashSize) : undefined;
  } catch {
    return undefined; // It is only faster with it.
  }
}

function modifiedAtMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
