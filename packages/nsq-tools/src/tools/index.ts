/** The tools by the names of their commands, each loaded when it is run. */

import type { GoFlagTable } from "@polylog/base/go-flags";
import type { Tool } from "./tool.ts";

/** A tool whose values nobody looks into: `runTool` parses them with its own table. */
type AnyTool = Omit<Tool, "run"> & { run(...args: never[]): Promise<void> };

const loaders: Readonly<Record<string, () => Promise<AnyTool>>> = {
  nsq_stat: async () => (await import("./nsq-stat.ts")).nsqStat,
  nsq_tail: async () => (await import("./nsq-tail.ts")).nsqTail,
  nsq_to_file: async () => (await import("./nsq-to-file.ts")).nsqToFile,
  nsq_to_http: async () => (await import("./nsq-to-http.ts")).nsqToHttp,
  nsq_to_nsq: async () => (await import("./nsq-to-nsq.ts")).nsqToNsq,
  to_nsq: async () => (await import("./to-nsq.ts")).toNsq,
};

export const toolNames: readonly string[] = Object.keys(loaders);

export async function loadTool(name: string): Promise<Tool<GoFlagTable>> {
  return (await loaders[name]!()) as Tool<GoFlagTable>;
}
