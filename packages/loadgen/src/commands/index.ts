/** Every command of `mqtt-bench`, as a table. To add one: a file beside this, a row here. */

import { exitCodes } from "../exit-codes.ts";
import type { Command, Environment } from "./command.ts";

export const commands: readonly Command[] = [
  {
    name: "run",
    summary: "run a scenario against a broker",
    load: async () => (await import("./run.ts")).run,
  },
  {
    name: "list",
    summary: "list the newest runs",
    load: async () => (await import("./list.ts")).list,
  },
  {
    name: "show",
    summary: "print the results of a run",
    load: async () => (await import("./show.ts")).show,
  },
  {
    name: "compare",
    summary: "compare runs; exit code 99 when something became worse",
    load: async () => (await import("./compare.ts")).compare,
  },
  {
    name: "report",
    summary: "write runs as one HTML file",
    load: async () => (await import("./report.ts")).report,
  },
  {
    name: "serve",
    summary: "show all runs in the browser",
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "query",
    summary: "run SQL on the results",
    load: async () => (await import("./query.ts")).query,
  },
  {
    name: "export",
    summary: "write results as JSON, CSV or Parquet",
    load: async () => (await import("./export.ts")).exportResults,
  },
  {
    name: "import",
    summary: "add the runs of another result file, mqtt-bench's included",
    load: async () => (await import("./import.ts")).importRuns,
  },
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
