/** The `crate-write` command: reads argv, environment, `.env` and signals, and nothing else does. */

import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { isCodedError } from "@polylog/base/errors";
import { exitWhenWritten } from "@polylog/base/lifecycle";
import { keyboardOf, outputOf } from "../commands/process-streams.ts";
import { exitCodeOf } from "../exit-codes.ts";
import { toolVersion } from "../version.ts";
import { crateWrite } from "./load-command.ts";
import { loadProfile } from "./report/load-profile.ts";

/**
 * Rows are short-lived and threads many, so heaps that grow at leisure are waste: with 32 threads into PostgreSQL this takes 110 MB
 * instead of 186 MB, for as many rows per second. The threads' heaps are made after this.
 */
setFlagsFromString("--optimize-for-size");

function main(): Promise<number> {
  const { env, stdin, stdout, stderr, argv } = process;
  const words = argv.slice(2);
  if (words[0] === "--version" || words[0] === "version") {
    stdout.write(`crate-write ${toolVersion}\n`);
    return Promise.resolve(0);
  }
  return crateWrite(words, {
    tool: loadProfile,
    env,
    dotEnv: readDotEnv(),
    stdout: outputOf(stdout),
    stderr: outputOf(stderr),
    keyboard: keyboardOf(stdin),
    onExit: (callback) => void process.once("exit", callback),
    verbosity: 0,
    ...stopSwitch(),
  });
}

function readDotEnv(): string {
  try {
    return readFileSync(".env", "utf8");
  } catch {
    return ""; // There is none, or it is not for us to read.
  }
}

/** The first Ctrl-C lets a run end in order; the second ends the process. */
function stopSwitch(): { readonly stopRequested: Promise<unknown>; readonly requestStop: () => void } {
  let isSecond = false;
  let resolve: () => void = () => undefined;
  const stopRequested = new Promise<void>((open) => {
    resolve = open;
  });
  const requestStop = (): void => {
    if (isSecond) process.exit(130);
    isSecond = true;
    resolve();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, requestStop);
  return { stopRequested, requestStop };
}

function fail(error: unknown): number {
  // A coded error says all there is to say; anything else is a bug, and its stack says where.
  const text = isCodedError(error) ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`crate-write: ${text}\n`);
  return exitCodeOf(error);
}

process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

await exitWhenWritten(await main().catch(fail));
