/** From what was measured to a result of the shared form, with the account of the rows beside it. */

import { judgeHealth } from "../../measure/health.ts";
import { resultVersion, summarizeAll } from "../../measure/result.ts";
import { thisMachine } from "../../measure/this-machine.ts";
import { judgeThresholds, type Threshold } from "../../measure/thresholds.ts";
import { toolVersion } from "../../version.ts";
import type { DatabaseWatch } from "../database/database-watch.ts";
import type { LoadOutcome } from "../load/load-run.ts";
import { acknowledgedOf, failedOf, type Verification } from "../load/row-account.ts";
import { loadProfile } from "./load-profile.ts";
import type { LoadResult } from "./load-result.ts";

export interface LoadIdentity {
  readonly runId: string;
  readonly scenarioId: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly table: string;
  readonly host: string;
  readonly port: number;
  readonly database: LoadResult["database"];
  /** Sentences about the settings. */
  readonly warnings: readonly string[];
  /** It was to end by its time or its rows. */
  readonly isLimited: boolean;
}

export function loadResultOf(
  identity: LoadIdentity,
  outcome: LoadOutcome,
  verification: Verification | undefined,
  thresholds: readonly Threshold[],
  watch: DatabaseWatch | undefined,
): LoadResult {
  const { runId, scenarioId, settings, table, host, port, database } = identity;
  const { account, totals, intervals, runtimeNs, endedBy } = outcome;
  const [acknowledged, failed] = [acknowledgedOf(account), failedOf(account)];
  const perSecond = (rows: number) => rows / (runtimeNs / 1e9);
  const environment = thisMachine();
  const targetCost = watch?.cost(acknowledged);
  const samples = intervals.map(({ generator }) => generator);
  const generator = judgeHealth(samples, totals.histograms.generatorLag, environment.cores, loadProfile.words);
  const isPartial = endedBy === "--max-errors" || (endedBy === "Ctrl-C" && identity.isLimited);
  const judged = {
    version: resultVersion,
    tool: loadProfile.tool,
    toolVersion,
    runId,
    scenarioId,
    scenario: "crate-write",
    startedAt: new Date(outcome.startedAtMs).toISOString(),
    endedAt: new Date(outcome.endedAtMs).toISOString(),
    isPartial,
    settings,
    environment,
    target: { host, port, name: database.name, version: database.version },
    measuredNs: runtimeNs,
    counters: totals.counters,
    rates: { offered: outcome.offeredRate, sent: perSecond(acknowledged + failed), received: perSecond(acknowledged) },
    timings: summarizeAll(totals.histograms),
    errors: outcome.rowErrors.list(),
    generator,
    ...(targetCost === undefined ? {} : { targetCost }),
    intervals,
    warnings: warningsOf(identity, outcome, generator.lagP99Ns, isPartial),
    table,
    rows: { ...account, acknowledged, failed },
    verification,
    database,
    endedBy,
    requestErrors: outcome.requestErrors.list(),
    workers: outcome.workers.map(({ thread, acknowledged: own, failed: lost, batches }) => ({
      worker: thread + 1,
      acknowledged: own,
      failed: lost,
      batches,
    })),
  } as const;
  return { ...judged, thresholds: judgeThresholds(loadProfile.metrics, thresholds, judged) };
}

/** Above this the schedule was not kept by the generator itself. */
const lagNsMax = 20e6;

function warningsOf(
  { database, warnings }: LoadIdentity,
  { endedBy, account, totals }: LoadOutcome,
  lagP99Ns: number,
  isPartial: boolean,
): readonly string[] {
  const found = [...warnings];
  if (database.kind !== "CrateDB") found.unshift(`no figure here is CrateDB's: the rows went to ${database.name}`);
  if (isPartial) found.push(`partial: ended by ${endedBy}; all figures are of what was done until then`);
  if (account.unknown > 0)
    found.push(`of ${account.unknown} rows nobody knows whether they were written: the answers were lost`);
  if (account.pauses > 0)
    found.push(`threads waited ${account.pauses} times because the database had too much or could not be reached`);
  if (lagP99Ns > lagNsMax)
    found.push(
      `the generator was late: 1 % of the batches began ${(lagP99Ns / 1e6).toFixed(0)} ms or more behind their time by its own fault; use more --threads or a lower --rate`,
    );
  const { overflow } = totals.histograms.endToEndActual;
  if (overflow > 0) found.push(`${overflow} batches took longer than 10 s; percentiles among them are their maximum`);
  return found;
}
