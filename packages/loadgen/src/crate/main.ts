/** The `crate-write` command: reads argv, environment, `.env` and signals, and nothing else does. */

import { readFileSync } from "node:fs";
import { isCodedError } from "@polylog/base/errors";
import { exitCodeOf } from "../exit-codes.ts";
import { toolVersion } from "../version.ts";
import { crateWrite } from "./load-command.ts";

function main(): Promise<number> {
  const { env, stdout, stderr, argv } = process;
  const words = argv.slice(2);
  if (words[0] === "--version" || words[0] === "version") {
    stdout.write(`crate-write ${toolVersion}\n`);
    return Promise.resolve(0);
  }
  return crateWrite(words, { env, dotEnv: readDotEnv(), stdout, stderr, stopRequested: stopRequested() });
}

function readDotEnv(): string {
  try {
    return readFileSync(".env", "utf8");
  } catch {
    return ""; // There is none, or it is not for us to read.
  }
}

/** The first Ctrl-C lets a run end in order; the second ends the process. */
function stopRequested(): Promise<unknown> {
  return new Promise((resolve) => {
    let isSecond = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => {
        if (isSecond) process.exit(130);
        isSecond = true;
        process.stderr.write("Ending: what is under way is waited for; once more to end at once\n");
        resolve(signal);
      });
  });
}

function fail(error: unknown): number {
  // A coded error says all there is to say; anything else is a bug, and its stack says where.
  const text = isCodedError(error) ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`crate-write: ${text}\n`);
  return exitCodeOf(error);
}

process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

process.exit(await main().catch(fail));
