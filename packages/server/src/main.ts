/** The `polylog` command: reads argv, environment and signals, and nothing else does. */

import { isCodedError } from "@polylog/base/errors";
import { exitWhenWritten } from "@polylog/base/lifecycle";
import { findCommand, renderUsage } from "./commands/index.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";

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

void main().catch(fail).then(exitWhenWritten);
