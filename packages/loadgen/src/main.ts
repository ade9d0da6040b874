/** The `mqtt-bench` command: reads argv, environment and signals, and nothing else does. */

import { isCodedError } from "@polylog/base/errors";
import { exitWhenWritten } from "@polylog/base/lifecycle";
import { findCommand, renderUsage } from "./commands/index.ts";
import { keyboardOf, outputOf } from "./commands/process-streams.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { benchProfile } from "./mqtt/bench-profile.ts";

async function main(): Promise<number> {
  const { word, argv, verbosity } = readArgv(process.argv.slice(2));
  const command = findCommand(word);
  if (command === undefined) {
    process.stderr.write(`mqtt-bench: there is no command "${word}"\n\n${renderUsage()}`);
    return exitCodes.usage;
  }
  const run = await command.load();
  const { env, stdin, stdout } = process;
  const stderr = outputOf(process.stderr);
  const keyboard = keyboardOf(stdin);
  const onExit = (callback: () => void) => void process.once("exit", callback);
  return run(argv, {
    tool: benchProfile,
    env,
    stdout,
    stderr,
    keyboard,
    onExit,
    stopRequested: stopRequested(),
    verbosity,
  });
}

/** `-v`, `-vv` and `--db PATH` may stand before the command, as in mqtt-bench. */
function readArgv(words: readonly string[]): { word: string | undefined; argv: readonly string[]; verbosity: number } {
  const before: string[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--db") before.push(word, words[++at] ?? "");
    else if (word.startsWith("--db=")) before.push(word);
    else if (!/^-v+$/.test(word)) break;
  }
  const rest = words.slice(at + 1);
  const verbose = words.find((word) => /^-v+$/.test(word)) ?? "-";
  return {
    word: words[at],
    argv: [...before, ...rest.filter((word) => !/^-v+$/.test(word))],
    verbosity: verbose.length - 1,
  };
}

/** The first Ctrl-C lets a run end in order; the second ends the process. */
function stopRequested(): Promise<unknown> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      let isSecond = false;
      process.on(signal, () => {
        if (isSecond) process.exit(130);
        isSecond = true;
        resolve(signal);
      });
    }
  });
}

function fail(error: unknown): number {
  // A coded error says all there is to say; anything else is a bug, and its stack says where.
  const text = isCodedError(error) ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`mqtt-bench: ${text}\n`);
  return exitCodeOf(error);
}

process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

await exitWhenWritten(await main().catch(fail));
