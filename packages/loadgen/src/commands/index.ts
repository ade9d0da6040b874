/** Every command of `mqtt-bench`, as a table. To add one: a file beside this, a row here. */

import { exitCodes } from "../exit-codes.ts";
import type { Command, Environment } from "./command.ts";
import { resultCommands } from "./result-commands.ts";

export const commands: readonly Command[] = [
  {
    name: "run",
    summary: "run a scenario against a broker",
    load: async () => (await import("./run.ts")).run,
  },
  ...resultCommands,
  {
    name: "version",
    summary: "print the version",
    load: async () => {
      const { toolVersion } = await import("../version.ts");
      return async (_argv, { stdout }) => {
        stdout.write(`mqtt-bench ${toolVersion}\n`);
        return exitCodes.fine;
      };
    },
  },
  {
    name: "help",
    summary: "print this",
    load:
      async () =>
      async (_argv, { stdout }) => {
        stdout.write(renderUsage());
        return exitCodes.fine;
      },
  },
];

const aliases: Readonly<Record<string, string>> = { "--help": "help", "-h": "help", "--version": "version" };

/** The command named by the first word; undefined when there is no such command. */
export function findCommand(word: string | undefined): Command | undefined {
  const name = word === undefined ? "help" : (aliases[word] ?? word);
  return commands.find((command) => command.name === name);
}

export function renderUsage(): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return [
    "Usage: mqtt-bench [-v|-vv] <command> [options]",
    "",
    ...rows,
    "",
    "`mqtt-bench run --help` lists its options; so does every other command's.",
    "Exit codes: 0 fine, 1 failed, 2 usage, 3 no broker there, 99 a threshold is broken.",
    "",
  ].join("\n");
}

export type { Environment };
