/** The `polylog` command: reads argv, environment and signals, and nothing else does. */

import { setFlagsFromString } from "node:v8";
import { isCodedError } from "@polylog/base/errors";
import { findCommand, renderUsage } from "./commands/index.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";

/**
 * What a socket reads lies in buffers of 64 KiB outside of the heap, a gigabyte of them in seconds, which hardly count for
 * the size of the young generation: it stays small, the buffers grow old, and collections of the whole heap follow each other.
 * Growing to its maximum, which stays V8's own, in one step instead of by doubling, it loses them young: 3 whole collections
 * instead of 29 for 2.5 million PUBs (Node 20, V8 11). V8 13, in Node 24, gains nothing by it.
 */
if (process.versions.v8.startsWith("11.")) setFlagsFromString("--semi-space-growth-factor=16");

async function main(): Promise<number> {
  const [word, ...argv] = process.argv.slice(2);
  const command = findCommand(word);
  if (command === undefined) {
    process.stderr.write(`polylog: there is no command "${word}"\n\n${renderUsage()}`);
    return exitCodes.usage;
  }
  const run = await command.load();
  return run(argv, { env: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr });
}

function fail(error: unknown): number {
  // A coded error says all there is to say; anything else is a bug, and its stack says where.
  const text = isCodedError(error) ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`polylog: ${text}\n`);
  return exitCodeOf(error);
}

// `polylog serve | head` closes standard output after the banner; a server does not end for that.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

process.exit(await main().catch(fail));
