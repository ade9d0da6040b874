/** `show RUN`: a kept result as it was printed. */

import { defineOptions, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { exitCodes } from "../exit-codes.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { ResultStore } from "../store/result-store.ts";
import { toolProfileOf } from "../tools.ts";
import type { Environment } from "./command.ts";
import { renderRunJson } from "./run-json.ts";
import { storeOptions } from "./store-options.ts";

const showOptions = (tool: ToolProfile) =>
  defineOptions({
    ...storeOptions(tool),
    json: { flag: "json", type: "boolean", default: false, group: "Results", help: "print JSON" },
  });

export async function show(argv: readonly string[], { tool, env, stdout }: Environment): Promise<number> {
  const { tool: name, envPrefix } = tool;
  const options = showOptions(tool);
  if (argv.includes("--help")) {
    const summary = "Prints the results of a run or scenario; the beginning of its id is enough.";
    stdout.write(renderHelp(options, { usage: `${name} show RUN [options]`, summary, envPrefix }));
    return exitCodes.fine;
  }
  const { values, positionals } = resolveOptions(options, { argv, env, envPrefix, positionalsMax: 1 });
  if (positionals[0] === undefined) throw optionErrors.USAGE({ count: 1, problems: "  a run's id is needed" });
  const store = await ResultStore.open(values.db, { isReadOnly: true });
  try {
    const id = positionals[0];
    const results = await store.load(id).catch((error: unknown) => renderOriginal(store, id, error));
    if (typeof results === "string") stdout.write(results);
    else
      stdout.write(
        values.json
          ? `${JSON.stringify(results)}\n`
          : results.map((each) => toolProfileOf(each).summaryOf(each)).join("\n"),
      );
  } finally {
    await store.close();
  }
  return exitCodes.fine;
}

/** A run of mqtt-bench itself, or one that did not end, has no result of ours: what its tables say. */
async function renderOriginal(store: ResultStore, id: string, error: unknown): Promise<string> {
  const { rows } = await store.query(
    "SELECT CAST(run_id AS VARCHAR) FROM runs WHERE starts_with(CAST(run_id AS VARCHAR), $1)",
    [id.toLowerCase()],
  );
  if (rows.length === 0) throw error;
  return (await Promise.all(rows.map(([runId]) => renderRunJson(store, String(runId), undefined)))).join("");
}
