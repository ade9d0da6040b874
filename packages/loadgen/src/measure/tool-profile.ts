/**
 * What a tool brings to the shared core: its words, its figures and the tables of its report. The core asks for nothing else
 * of a tool, so that printing, judging, comparing, storing and reporting are written once.
 */

import type { Metric } from "./metrics.ts";
import type { RunResult } from "./result.ts";
import type { Words } from "./words.ts";

export type Cell = string | number | boolean | null;

export interface Verdict {
  readonly text: string;
  /** Items were lost, or nobody knows. */
  readonly isBad: boolean;
}

export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** A sentence under it. */
  readonly note?: string;
}

/** A row of the list of runs, from the tables of a result file alone: it is there while a run goes on. */
export interface RunRow {
  readonly tool: string;
  readonly runId: string;
  readonly scenarioId: string;
  readonly startedAt: string;
  readonly target: string;
  readonly scenario: string;
  readonly qos: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly rate: number;
  readonly payloadSize: number;
  /** Undefined as long as it is not over, or when the tool died. */
  readonly receivedRate: number | undefined;
  readonly deliveryRate: number | undefined;
  readonly p99Ns: number | undefined;
  readonly isPartial: boolean;
  readonly notes: string;
}

/** Columns of mqtt-bench's table `final_results`. */
export interface FinalTotals {
  readonly sent: number;
  readonly received: number;
  readonly acked: number;
  readonly timedOut: number;
  readonly errors: number;
  /** 0 to 1. */
  readonly deliveryRate: number;
}

/** A row of a table of ours. */
export interface DetailRow {
  readonly table: string;
  readonly row: Readonly<Record<string, Cell>>;
}

/** The fields of `export json` that a tool fills. */
export interface ExportedRun {
  readonly config: Readonly<Record<string, Cell | undefined>>;
  readonly throughput: Readonly<Record<string, Cell | undefined>>;
}

/** Methods take the tool's own results: `toolProfileOf` hands each its own. */
export interface ToolProfile {
  /** Name of the command, and of its results. */
  readonly tool: string;
  readonly envPrefix: string;
  /** The result file that is read when none is named. */
  readonly db: string;
  readonly queryExample: string;
  readonly words: Words;
  readonly metrics: readonly Metric[];
  /** Names of metrics: what `compare` and the report of several runs compare. */
  readonly compared: readonly string[];
  /** Of those: totals, in which one more is worse at any size. */
  readonly exact: readonly string[];
  /** Names of metrics with a tile in the report. */
  readonly tiles: readonly string[];
  /** Kinds of time and their titles, in the order of the report. */
  readonly timings: Readonly<Record<string, string>>;
  /** What was done to what: the heading of the report. */
  titleOf(result: RunResult): string;
  summaryOf(result: RunResult): string;
  verdictOf(result: RunResult): Verdict;
  tablesOf(result: RunResult): readonly ReportTable[];
  totalsOf(result: RunResult): FinalTotals;
  detailsOf(result: RunResult): readonly DetailRow[];
  /** What `list` and the page of all runs show of a run, and which of that can be filtered by. */
  listed(row: RunRow): Readonly<Record<string, Cell>>;
  readonly filters: readonly string[];
  /** `row` by column name, of `scenarios` and `final_results`. */
  exported(row: Readonly<Record<string, Cell>>): ExportedRun;
}
