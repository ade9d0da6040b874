/**
 * How a command begins: from the bundle, where there is one, otherwise from the compiled modules, which takes three times as
 * long. Imports nothing but Node.js, and as little of that as it can.
 */

import { setFlagsFromString } from "node:v8";
import { bundleFiles, isBundleCurrent, runBundle } from "./bundle.ts";

/**
 * What a socket reads lies in buffers of 64 KiB outside of the heap, a gigabyte of them in seconds, which hardly count for
 * the size of the young generation: it stays small, the buffers grow old, and collections of the whole heap follow each other.
 * Growing to its maximum, which stays V8's own, in one step instead of by doubling, it loses them young: 3 whole collections
 * instead of 29 for 2.5 million PUBs (Node 20, V8 11). V8 13, in Node 24, gains nothing by it.
 *
 * V8 takes only code compiled under the same flags, so this stands before everything else.
 */
if (process.versions.v8.startsWith("11.")) setFlagsFromString("--semi-space-growth-factor=16");

/** `words` stand before the process's own arguments, as if they had been typed. */
export async function launch(...words: readonly string[]): Promise<void> {
  process.argv.splice(2, 0, ...words);
  if (isBundleCurrent(bundleFiles)) runBundle(bundleFiles);
  else await import("../main.ts");
}
