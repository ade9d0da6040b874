/** `compare BASE CANDIDATE`: what has become better or worse; exit code 99 when something has become worse. */

import { defineOptions, optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { exitCodes } from "../exit-codes.ts";
import { type Comparison, compareRuns } from "../measure/comparison.ts";
import { showMetric } from "../measure/metrics.ts";
import type { RunResult } from "../measure/result.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { ResultStore } from "../store/result-store.ts";
import { commonProfileOf } from "../tools.ts";
import type { Environment } from "./command.ts";
import { renderTable } from "./render-table.ts";
import { storeOptions } from "./store-options.ts";

const compareOptions = (tool: ToolProfile) =>
  defineOptions({
    ...storeOptions(tool),
    limit: {
      flag: "limit",
      type: "string",
      default: "5%",
      placeholder: "PERCENT",
      group: "Results",
      help: "changes up to this are none",
      check: (text) => (/^\d+(\.\d+)?%$/.test(text) ? undefined : "write it as 5%"),
    },
    json: { flag: "json", type: "boolean", default: false, group: "Results", help: "print JSON" },
  });

export async function compare(argv: readonly string[], { tool, env, stdout }: Environment): Promise<number> {
  const { tool: name, envPrefix } = tool;
  const options = compareOptions(tool);
  if (argv.includes("--help")) {
    const texts = {
      usage: `${name} compare BASE[,BASE…] CANDIDATE[,CANDIDATE…] [options]`,
      summary:
        "Compares runs by their ids, with the interval in which each difference lies with 95 % confidence: from three runs on each side over the runs, else over the intervals within them, which is too narrow. Exit code 99 when something became worse.",
      envPrefix,
    };
    stdout.write(renderHelp(options, texts));
    return exitCodes.fine;
  }
  const { values, positionals } = resolveOptions(options, { argv, env, envPrefix, positionalsMax: 2 });
  const [base, candidate] = positionals;
  if (base === undefined || candidate === undefined) {
    throw optionErrors.USAGE({ count: 1, problems: "  two runs are needed" });
  }
  const store = await ResultStore.open(values.db, { isReadOnly: true });
  try {
    const load = async (ids: string): Promise<readonly RunResult[]> =>
      (await Promise.all(ids.split(",").map((id) => store.load(id)))).flat();
    const [bases, candidates] = [await load(base), await load(candidate)];
    const profile = commonProfileOf([...bases, ...candidates]);
    const comparison = compareRuns(profile, bases, candidates, Number.parseFloat(values.limit) / 100);
    const isMixed = new Set([...bases, ...candidates].map(({ rates }) => rates.offered === 0)).size > 1;
    stdout.write(values.json ? `${JSON.stringify(comparison)}\n` : render(comparison, isMixed));
    return comparison.isWorse ? exitCodes.threshold : exitCodes.fine;
  } finally {
    await store.close();
  }
}

/** `isMixed`: some had a schedule and others none. */
function render({ figures, isByRun }: Comparison, isMixed: boolean): string {
  const percent = (value: number | null) =>
    value === null ? "-" : `${value >= 0 ? "+" : ""}${(value * 100).toFixed(1)} %`;
  const rows = figures.map(({ figure, unit, base, candidate, change, changeLow, changeHigh, verdict }) => ({
    figure,
    base: showMetric({ unit }, base),
    candidate: showMetric({ unit }, candidate),
    change: percent(change),
    "95 % interval": change === null ? "exact" : `${percent(changeLow)} to ${percent(changeHigh)}`,
    verdict,
  }));
  const how = isByRun
    ? "over runs"
    : "over the intervals of fewer than three runs: too narrow, repeat the runs to be sure";
  const mixed = isMixed ? "some runs had a schedule and others none: their latencies are not the same thing\n" : "";
  return `${renderTable(rows)}\n${how}\n${mixed}`;
}
