/** `mqtt-bench run SCENARIO` and `run --file FILE`: checks, runs, prints. */

import { closeSync, openSync, writeFileSync } from "node:fs";
import { systemClock } from "@polylog/base/clock";
import { optionErrors, renderHelp, resolveOptions } from "@polylog/base/options";
import { loadgenErrors } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { renderJunit } from "../measure/junit.ts";
import { parseThreshold } from "../measure/thresholds.ts";
import { benchProfile } from "../mqtt/bench-profile.ts";
import type { BenchResult } from "../mqtt/bench-result.ts";
import { renderSpread } from "../mqtt/bench-summary.ts";
import { checkLimits, machineLimits, probe } from "../mqtt/preflight.ts";
import { type ScenarioName, scenarioNames, scenarios } from "../mqtt/scenarios.ts";
import type { Environment } from "./command.ts";
import { describeFigures } from "./describe-figures.ts";
import { renderSearch, searchMaxRate } from "./max-rate.ts";
import { type RunOptions, runOptions } from "./run-options.ts";
import { type Load, loadOfFile, loadOfScenario, presetNames } from "./run-plan.ts";
import { RunSession } from "./run-session.ts";

/** Rejects with `options.USAGE` and the errors of `loadgen`. */
export async function run(argv: readonly string[], environment: Environment): Promise<number> {
  const { env, stdout } = environment;
  if (argv.includes("--help")) {
    stdout.write(renderRunHelp());
    return exitCodes.fine;
  }
  const { values: options, positionals } = resolveOptions(runOptions, {
    argv,
    env,
    envPrefix: benchProfile.envPrefix,
    positionalsMax: 1,
  });
  const name = positionals[0] as ScenarioName | undefined;
  const isNamed = name !== undefined && scenarioNames.includes(name);
  if (isNamed === (options.file !== undefined)) {
    const problems = `  either --file or one scenario is needed: ${scenarioNames.join(", ")}`;
    throw optionErrors.USAGE({ count: 1, problems });
  }
  const thresholds = options.threshold.map((text) => parseThreshold(benchProfile.metrics, text));
  if (options.maxRateSearch && (thresholds.length === 0 || options.rate === "0" || !isNamed)) {
    const problems =
      "  --max-rate-search needs a scenario, a --rate to begin with and at least one --threshold to keep";
    throw optionErrors.USAGE({ count: 1, problems });
  }
  const load = isNamed ? loadOfScenario(name, options) : await loadOfFile(options.file!, options);
  for (const path of [options.out, options.junit, options.report]) checkWritable(path);
  const connections = load.plan.subscriptions.length + load.publishers;
  checkLimits(connections, options.source.length, machineLimits());
  const address = await probe(options.host, options.port, Math.min(options.connectTimeout, 10_000), systemClock);
  const session = new RunSession(options, thresholds, address, environment);
  await session.open();
  try {
    if (options.maxRateSearch) return await search(session, name!, options, environment);
    return await runAll(session, load, options, environment);
  } finally {
    await session.close();
  }
}

/** A run whose results have no place is not begun. Throws FILE_UNWRITABLE. */
function checkWritable(path: string | undefined): void {
  if (path === undefined) return;
  try {
    closeSync(openSync(path, "a"));
  } catch (error) {
    throw loadgenErrors.FILE_UNWRITABLE({ path, reason: (error as Error).message }, error);
  }
}

async function runAll(session: RunSession, load: Load, options: RunOptions, { stdout }: Environment): Promise<number> {
  const results: BenchResult[] = [];
  for (let each = 0; each < options.repeat && !session.isStopped; each++) {
    const result = await session.run(load);
    results.push(result);
    if (!options.json) stdout.write(benchProfile.summaryOf(result));
  }
  if (results.length > 1 && !options.json) stdout.write(renderSpread(results));
  if (options.json) stdout.write(`${JSON.stringify(results.length === 1 ? results[0] : results)}\n`);
  if (options.junit !== undefined) writeFileSync(options.junit, renderJunit(results));
  if (options.report !== undefined && results.length > 0) {
    const { renderReport } = await import("../report/report-page.ts");
    writeFileSync(options.report, renderReport(benchProfile, results));
  }
  const isBroken = results.some((result) => result.thresholds.some(({ isKept }) => !isKept));
  return isBroken ? exitCodes.threshold : exitCodes.fine;
}

async function search(
  session: RunSession,
  name: ScenarioName,
  options: RunOptions,
  { stdout, stderr }: Environment,
): Promise<number> {
  const found = await searchMaxRate(
    Number(options.rate),
    (rate) => session.run(loadOfScenario(name, { ...options, rate: String(rate) })),
    () => session.isStopped,
    (step) => options.quiet || stderr.write(`rate=${step.rate} kept=${step.isKept}\n`),
  );
  stdout.write(options.json ? `${JSON.stringify(found)}\n` : renderSearch(found));
  return found.rate === undefined ? exitCodes.threshold : exitCodes.fine;
}

function renderRunHelp(): string {
  const list = scenarioNames.map((name) => {
    const { summary, defaults } = scenarios[name];
    const { publishers, subscribers, topics } = defaults;
    return `  ${name.padEnd(18)}${summary}\n${" ".repeat(20)}by default ${publishers} publishers, ${subscribers} subscribers, ${topics} topics`;
  });
  const help = renderHelp(runOptions, {
    usage: "mqtt-bench run SCENARIO|--file FILE [options]",
    summary: "Publishes and receives on a schedule, accounts for every message, and keeps the results.",
    examples: [
      "mqtt-bench run straight-run --publishers 10 --rate 1000 --duration 30s",
      "mqtt-bench run fan-in --qos 1 --threshold 'p99<20ms' --threshold loss=0",
    ],
    envPrefix: benchProfile.envPrefix,
  });
  const presets = `Files that come with it, by name: ${presetNames().join(", ")}.`;
  return `${help}\nScenarios:\n${list.join("\n")}\n\n${presets}\n${describeFigures(benchProfile.metrics)}\n`;
}
