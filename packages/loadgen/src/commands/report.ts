/** `report RUN[,RUN…]`: one HTML file that opens without a network. */

import { writeFileSync } from "node:fs";
import { defineOptions, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { exitCodes } from "../exit-codes.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { renderReport } from "../report/report-page.ts";
import { ResultStore } from "../store/result-store.ts";
import { commonProfileOf } from "../tools.ts";
import type { Environment } from "./command.ts";
import { storeOptions } from "./store-options.ts";

const reportOptions = (tool: ToolProfile) =>
  defineOptions({
    ...storeOptions(tool),
    output: { flag: "output", type: "path", default: "report.html", group: "Results", help: "file to write" },
  });

export async function report(argv: readonly string[], { tool, env, stdout }: Environment): Promise<number> {
  const { tool: name, envPrefix } = tool;
  const options = reportOptions(tool);
  if (argv.includes("--help")) {
    const summary = "Writes a run, or several to compare, as one HTML file that needs nothing else.";
    stdout.write(renderHelp(options, { usage: `${name} report RUN[,RUN…] [options]`, summary, envPrefix }));
    return exitCodes.fine;
  }
  const { values, positionals } = resolveOptions(options, { argv, env, envPrefix, positionalsMax: 1 });
  if (positionals[0] === undefined) throw optionErrors.USAGE({ count: 1, problems: "  a run's id is needed" });
  const store = await ResultStore.open(values.db, { isReadOnly: true });
  try {
    const results = (await Promise.all(positionals[0].split(",").map((id) => store.load(id)))).flat();
    writeFileSync(values.output, renderReport(commonProfileOf(results), results));
    stdout.write(`${values.output}\n`);
  } finally {
    await store.close();
  }
  return exitCodes.fine;
}
