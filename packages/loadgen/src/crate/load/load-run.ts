/**
 * A load from its first batch to its account: threads are made, started together, asked what they did, told to stop, waited
 * for. No row is lost from sight: what a thread still has under way when it is ended counts as unknown.
 */

import { availableParallelism } from "node:os";
import type { Clock, HostClock } from "@polylog/base/clock";
import { ErrorTally } from "../../measure/counters.ts";
import type { GeneratorSample } from "../../measure/health.ts";
import { IntervalLog } from "../../measure/interval-log.ts";
import { coreMeasures, Totals } from "../../measure/recorder.ts";
import { coarseCells, type Interval, summarize } from "../../measure/result.ts";
import type { Stage } from "../../measure/schedule.ts";
import type { LoadMember, LoadReport, LoadSetup, MemberState } from "./load-messages.ts";
import { LoadThread } from "./load-thread.ts";
import { acknowledgedOf, addAccount, failedOf, newAccount, type RowAccount } from "./row-account.ts";

export interface LoadPlan extends Omit<LoadSetup, "members" | "threads" | "rateStart" | "stages"> {
  readonly threads: number;
  /** In all; undefined: no end by rows. */
  readonly rows: number | undefined;
  /** Undefined: no end by time. */
  readonly durationNs: number | undefined;
  /** Rows per second of all threads; 0 without stages: no schedule. */
  readonly rate: number;
  readonly stages: readonly Stage[];
  /** How long what is under way at the end is waited for. */
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** The load ends when more rows than this were not confirmed. */
  readonly errorsMax: number | undefined;
}

export type EndedBy = "its time" | "its rows" | "Ctrl-C" | "--max-errors";

export interface LoadProgress {
  readonly interval: Interval;
  readonly account: Readonly<RowAccount>;
  readonly totals: Totals;
  readonly rowErrors: ErrorTally;
  readonly requestErrors: ErrorTally;
  /** Threads that wait because the database has too much. */
  readonly braked: number;
  /** In the order of their numbers. */
  readonly workers: readonly WorkerState[];
}

export interface WorkerState extends MemberState {
  /** It waits because the database has too much. */
  readonly isBraked: boolean;
}

export interface LoadContext {
  readonly clock: Clock;
  readonly host: HostClock;
  readonly onProgress: (progress: LoadProgress) => void;
  /** Nothing further is begun; what is under way is waited for. */
  readonly onSettling?: () => void;
  readonly stopRequested: Promise<unknown>;
}

export interface LoadOutcome {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** From the start until the last batch was settled. */
  readonly runtimeNs: number;
  readonly endedBy: EndedBy;
  readonly account: RowAccount;
  readonly totals: Totals;
  readonly intervals: readonly Interval[];
  readonly workers: readonly WorkerState[];
  readonly rowErrors: ErrorTally;
  readonly requestErrors: ErrorTally;
  /** Rows per second that the schedule asked for; 0 without one. */
  readonly offeredRate: number;
}

const pollMs = 100;
const startDelayNs = 20e6;
/** How long threads may take to see that they were told to give up. */
const abandonMs = 3000;
/** Longer than any run: what a schedule without end goes on for. */
const foreverNs = 100 * 365 * 86_400e9;

/** Rejects when a thread dies. */
export async function runLoad(plan: LoadPlan, context: LoadContext): Promise<LoadOutcome> {
  const run = new LoadRun(plan, context);
  try {
    return await run.run();
  } finally {
    await run.destroy();
  }
}

class LoadRun {
  readonly #plan: LoadPlan;
  readonly #context: LoadContext;
  readonly #threads: readonly LoadThread[];
  readonly #account = newAccount();
  readonly #totals = new Totals(coreMeasures);
  readonly #rowErrors = new ErrorTally();
  readonly #requestErrors = new ErrorTally();
  readonly #intervals = new IntervalLog();
  #sinceInterval = new Totals(coreMeasures);
  #reports: readonly LoadReport[] = [];
  #loopDelay = { p99Ns: 0, maxNs: 0 };
  #isStopRequested = false;
  #startNs = 0;
  #intervalNs = 0;
  #cpu = process.cpuUsage();

  constructor(plan: LoadPlan, context: LoadContext) {
    this.#plan = plan;
    this.#context = context;
    void context.stopRequested.then(() => {
      this.#isStopRequested = true;
    });
    const stages = stagesOf(plan);
    const { threads, rate: rateStart } = plan;
    // More threads than cores would only take memory: those that the options ask for share them.
    const machineThreads = Math.min(threads, availableParallelism());
    this.#threads = Array.from({ length: machineThreads }, (_, own) => {
      const members = membersOf(plan).filter(({ thread }) => thread % machineThreads === own);
      return new LoadThread({ ...setupOf(plan), members, threads, rateStart, stages });
    });
  }

  async run(): Promise<LoadOutcome> {
    const { clock, host } = this.#context;
    await Promise.all(this.#threads.map((thread) => thread.ready));
    const startedAtMs = clock.nowMs();
    this.#startNs = host.monotonicNs() + startDelayNs;
    this.#intervalNs = this.#startNs;
    this.#cpu = process.cpuUsage();
    for (const thread of this.#threads) thread.send({ kind: "start", startNs: this.#startNs });
    const endedBy = await this.#load();
    this.#context.onSettling?.();
    await this.#settle();
    this.#endInterval();
    const settledNs = Math.max(...this.#reports.map((report) => report.settledNs));
    return {
      startedAtMs,
      endedAtMs: clock.nowMs(),
      runtimeNs: Math.max(1, (settledNs === 0 ? host.monotonicNs() : settledNs) - this.#startNs),
      endedBy,
      account: this.#account,
      totals: this.#totals,
      intervals: this.#intervals.intervals,
      workers: this.#workers(),
      rowErrors: this.#rowErrors,
      requestErrors: this.#requestErrors,
      offeredRate: offeredRate(this.#plan),
    };
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.destroy()));
  }

  /** Until the load has an end of one kind or another. */
  async #load(): Promise<EndedBy> {
    const { durationNs = Number.POSITIVE_INFINITY, errorsMax = Number.POSITIVE_INFINITY, rows } = this.#plan;
    for (;;) {
      const nowNs = this.#context.host.monotonicNs();
      const leftMs = (this.#startNs + durationNs - nowNs) / 1e6;
      await this.#sleep(Math.max(0, Math.min(pollMs, leftMs)));
      await this.#collect();
      const afterNs = this.#context.host.monotonicNs();
      if (afterNs - this.#intervalNs >= this.#plan.intervalMs * 1e6) this.#endInterval();
      if (this.#reports.every(({ isDone }) => isDone)) return rows === undefined ? "its time" : "its rows";
      if (this.#isStopRequested) return "Ctrl-C";
      if (failedOf(this.#account) > errorsMax) return "--max-errors";
      if (afterNs - this.#startNs >= durationNs) return "its time";
    }
  }

  /** Until nothing is under way, or the time for that is over. */
  async #settle(): Promise<void> {
    for (const thread of this.#threads) thread.send({ kind: "stop" });
    await this.#untilDone(this.#plan.timeoutMs);
    if (this.#reports.every(({ isDone }) => isDone)) return;
    for (const thread of this.#threads) thread.send({ kind: "abandon" });
    await this.#untilDone(abandonMs);
    for (const { isDone, openRows } of this.#reports) {
      if (isDone || openRows === 0) continue;
      this.#account.unknown += openRows;
      this.#rowErrors.add("unknown ENDED", "the load was ended while they were under way", openRows);
    }
  }

  async #untilDone(withinMs: number): Promise<void> {
    const { clock, host } = this.#context;
    const deadlineMs = clock.monotonicMs() + withinMs;
    for (;;) {
      await this.#collect();
      if (host.monotonicNs() - this.#intervalNs >= this.#plan.intervalMs * 1e6) this.#endInterval();
      if (this.#reports.every(({ isDone }) => isDone) || clock.monotonicMs() >= deadlineMs) return;
      await this.#sleep(Math.min(pollMs, 20));
    }
  }

  async #collect(): Promise<void> {
    this.#reports = await Promise.all(this.#threads.map((thread) => thread.report()));
    for (const { account, histograms, rowErrors, requestErrors, loopDelayP99Ns, loopDelayMaxNs } of this.#reports) {
      addAccount(this.#account, account);
      this.#rowErrors.addAll(rowErrors);
      this.#requestErrors.addAll(requestErrors);
      const acknowledged = acknowledgedOf(account);
      const failed = failedOf(account);
      const counters = {
        sent: acknowledged + failed,
        received: acknowledged,
        acked: acknowledged,
        bytesSent: account.bytes,
        bytesReceived: 0,
        errors: failed,
      };
      const report = { counters, histograms, errors: rowErrors };
      this.#totals.add(report);
      this.#sinceInterval.add(report);
      this.#loopDelay.p99Ns = Math.max(this.#loopDelay.p99Ns, loopDelayP99Ns || 0);
      this.#loopDelay.maxNs = Math.max(this.#loopDelay.maxNs, loopDelayMaxNs || 0);
    }
  }

  #endInterval(): void {
    const { host, clock, onProgress } = this.#context;
    const nowNs = host.monotonicNs();
    const cpu = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    const elapsedUs = Math.max(1, (nowNs - this.#intervalNs) / 1000);
    this.#intervalNs = nowNs;
    const generator: GeneratorSample = {
      cpuCores: Math.min(availableParallelism(), (cpu.user + cpu.system) / elapsedUs),
      loopDelayP99Ns: this.#loopDelay.p99Ns,
      loopDelayMaxNs: this.#loopDelay.maxNs,
      memoryBytes: process.memoryUsage.rss(),
    };
    this.#loopDelay = { p99Ns: 0, maxNs: 0 };
    const sum = (read: (report: LoadReport) => number) => this.#reports.reduce((total, it) => total + read(it), 0);
    const interval = intervalOf(this.#sinceInterval, {
      relNs: nowNs - this.#startNs,
      atMs: clock.nowMs(),
      generator,
      open: sum(({ open }) => open),
      backlog: sum(({ backlog }) => backlog),
    });
    // What is left at the end is no interval of its own: a rate over a few milliseconds says nothing.
    if (elapsedUs < this.#plan.intervalMs * 500) this.#intervals.extend(interval);
    else this.#intervals.add(interval);
    this.#sinceInterval = new Totals(coreMeasures);
    onProgress({
      interval,
      account: this.#account,
      totals: this.#totals,
      rowErrors: this.#rowErrors,
      requestErrors: this.#requestErrors,
      braked: sum(({ isBraked }) => (isBraked ? 1 : 0)),
      workers: this.#workers(),
    });
  }

  #workers(): readonly WorkerState[] {
    const states = this.#reports.flatMap(({ members, isBraked }) => members.map((each) => ({ ...each, isBraked })));
    return states.sort((a, b) => a.thread - b.thread);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#context.clock.setTimer(resolve, ms);
    });
  }
}

/** Rows are shared out evenly. */
function membersOf({ threads, rows }: LoadPlan): readonly LoadMember[] {
  return Array.from({ length: threads }, (_, thread) => ({
    thread,
    rows: rows === undefined ? undefined : Math.floor(rows / threads) + (thread < rows % threads ? 1 : 0),
  }));
}

function setupOf(plan: LoadPlan) {
  const { connection, plan: insert, model, seed, nonce, batchSize, batchIntervalMs } = plan;
  return { connection, plan: insert, model, seed, nonce, batchSize, batchIntervalMs };
}

/** With a rate there is a schedule to the end of the run; after the last stage its rate goes on. */
function stagesOf({ rate, stages, durationNs }: LoadPlan): readonly Stage[] {
  if (rate === 0 && stages.length === 0) return [];
  const wholeNs = durationNs ?? foreverNs;
  const stagedNs = stages.reduce((sum, stage) => sum + stage.durationNs, 0);
  const rateEnd = stages.at(-1)?.rateEnd ?? rate;
  return [...stages, { durationNs: Math.max(0, wholeNs - stagedNs), rateEnd }];
}

function offeredRate(plan: LoadPlan): number {
  if (plan.stages.length === 0 || plan.durationNs === undefined) return plan.rate;
  let rate = plan.rate;
  let rows = 0;
  for (const stage of stagesOf(plan)) {
    rows += ((rate + stage.rateEnd) / 2) * (stage.durationNs / 1e9);
    rate = stage.rateEnd;
  }
  return rows / (plan.durationNs / 1e9);
}

function intervalOf(
  { counters, histograms }: Totals,
  at: Pick<Interval, "relNs" | "atMs" | "generator" | "open" | "backlog">,
): Interval {
  const main = histograms.endToEnd.count > 0 ? histograms.endToEnd : histograms.endToEndActual;
  const times = summarize(main);
  return {
    ...at,
    relNs: Math.round(at.relNs),
    sent: counters.sent,
    received: counters.received,
    acked: counters.acked,
    errors: counters.errors,
    p50Ns: times.p50Ns,
    p95Ns: times.p95Ns,
    p99Ns: times.p99Ns,
    p99ActualNs: histograms.endToEndActual.quantileNs(0.99),
    meanNs: times.meanNs,
    sendLagP99Ns: histograms.sendLag.quantileNs(0.99),
    cells: coarseCells(main.snapshot()),
  };
}
