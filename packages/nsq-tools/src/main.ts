/** What all commands of this package begin with: argv, signals and standard streams are read here and nowhere else. */

import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import { MessageChannel } from "node:worker_threads";
import { systemClock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import { GoFlagError, parseGoFlags, renderGoUsage } from "@polylog/base/go-flags";
import { httpClient, netDialer } from "./client/index.ts";
import { createGoLog } from "./tools/go-log.ts";
import { loadTool } from "./tools/index.ts";
import { nsqVersion, type Tool, type ToolContext } from "./tools/tool.ts";

/** Runs the tool with the process's arguments and ends the process: 0 done, 1 failed, 2 flags that cannot be used. */
export async function runTool(name: string): Promise<void> {
  // The client's timers do not keep a process alive, and between two connections nothing else does.
  const { port1 } = new MessageChannel();
  port1.on("message", () => undefined);
  process.stderr.on("error", () => undefined);
  const tool = await loadTool(name);
  process.exitCode = await run(tool);
  port1.close();
  process.exit();
}

async function run(tool: Tool): Promise<number> {
  const context = processContext();
  try {
    const { values, rest } = parseGoFlags(tool.flags, process.argv.slice(2));
    if (values["version"] === true) {
      await new Promise((resolve) => process.stdout.write(`${tool.name} v${nsqVersion}\n`, resolve));
      return 0;
    }
    await tool.run(values, context, rest);
    return 0;
  } catch (error) {
    if (error instanceof GoFlagError) {
      const message = error.message === "" ? "" : `${error.message}\n`;
      context.writeError(message + renderGoUsage(tool.name, tool.flags));
      return error.help ? 0 : 2;
    }
    // A coded error says all there is to say; anything else is a bug, and its stack says where.
    context.log.print(isCodedError(error) ? error.message : ((error as Error).stack ?? String(error)));
    return 1;
  }
}

function processContext(): ToolContext {
  const writeError = (line: string) => process.stderr.write(line);
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    clock: systemClock,
    dialer: netDialer(systemClock),
    http: httpClient(systemClock),
    chance: () => randomInt(2 ** 47) / 2 ** 47,
    log: createGoLog(systemClock, writeError),
    writeError,
    stopRequested: new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
    }),
    onHangup: (callback) => process.on("SIGHUP", callback),
    hostname: hostname(),
    processId: process.pid,
  };
}
