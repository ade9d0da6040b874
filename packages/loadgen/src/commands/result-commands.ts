/** The commands that read results, which all tools have. To add one: a file beside this, a row here. */

import type { Command } from "./command.ts";

export const resultCommands: readonly Command[] = [
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
    summary: "write results as JSON, CSV, Parquet or HdrHistogram logs",
    load: async () => (await import("./export.ts")).exportResults,
  },
  {
    name: "import",
    summary: "add the runs of another result file, mqtt-bench's included",
    load: async () => (await import("./import.ts")).importRuns,
  },
];
