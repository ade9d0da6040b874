/**
 * A thread as the options count them: it has rows of its own and as many writers as `concurrency` says, each with one batch under
 * way. Without a schedule a writer begins its next batch when the one before is settled, `batchIntervalMs` after that began
 * at the earliest. With one, batch number k of all threads is due when the schedule says, and is written late rather than
 * left out.
 */

import type { Clock, HostClock } from "@polylog/base/clock";
import { BatchWriter, type Brake, type InsertFault, type RowsTransport } from "@polylog/crate-writer";
import { Schedule } from "../../measure/schedule.ts";
import type { RowSource } from "../rows/table-shape.ts";
import type { LoadReport, LoadSetup, MemberState } from "./load-messages.ts";
import type { LoadRecorder } from "./load-recorder.ts";
import { addOutcome } from "./row-account.ts";

export type LoaderSetup = Pick<LoadSetup, "threads" | "batchSize" | "batchIntervalMs" | "rateStart" | "stages"> & {
  readonly thread: number;
  /** Undefined: until it is stopped. */
  readonly rows: number | undefined;
  readonly concurrency: number;
  readonly isIdempotent: boolean;
};

export interface LoaderContext {
  readonly clock: Clock;
  readonly host: HostClock;
  readonly transport: RowsTransport;
  readonly source: RowSource;
  /** These two may be shared with other loaders. */
  readonly brake: Brake;
  readonly recorder: LoadRecorder;
}

/** What a writer is to write next. */
interface Task {
  readonly rowCount: number;
  /** Of the host's clock; undefined without a schedule. */
  readonly dueNs: number | undefined;
}

export class Loader {
  readonly #setup: LoaderSetup;
  readonly #context: LoaderContext;
  readonly #writer: BatchWriter;
  readonly #schedule: Schedule | undefined;
  readonly #giveUp = new AbortController();
  readonly #sleeping = new Set<() => void>();
  #startNs = 0;
  #rowsTaken = 0;
  #batchesTaken = 0;
  #open = 0;
  #openRows = 0;
  #settledNs = 0;
  #acknowledged = 0;
  #failed = 0;
  #batchesSettled = 0;
  #writers = 0;
  #isStarted = false;
  #isStopped = false;

  constructor(setup: LoaderSetup, context: LoaderContext) {
    this.#setup = setup;
    this.#context = context;
    this.#writer = new BatchWriter({
      transport: context.transport,
      brake: context.brake,
      clock: context.clock,
      isIdempotent: setup.isIdempotent,
      onRequest: (durationMs, _rowCount, fault) => this.#onRequest(durationMs, fault),
    });
    const { rateStart, stages, batchSize } = setup;
    if (stages.length > 0) {
      const perBatch = stages.map(({ durationNs, rateEnd }) => ({ durationNs, rateEnd: rateEnd / batchSize }));
      this.#schedule = new Schedule(rateStart / batchSize, perBatch);
    }
  }

  /** Resolves when all that was to be written is settled. Rejects when the transport fails in a way that is none of the database's. */
  async start(startNs: number): Promise<void> {
    this.#startNs = startNs;
    this.#isStarted = true;
    const { concurrency } = this.#setup;
    await Promise.all(Array.from({ length: concurrency }, () => this.#write()));
  }

  /** Nothing more is begun. */
  stop(): void {
    this.#isStopped = true;
    for (const wake of this.#sleeping) wake();
  }

  /** What is under way is refused or unknown. */
  abandon(): void {
    this.stop();
    this.#giveUp.abort();
  }

  /** Where it stands now. */
  get state(): Pick<LoadReport, "open" | "openRows" | "settledNs" | "backlog" | "isDone"> {
    return {
      open: this.#open,
      openRows: this.#openRows,
      settledNs: this.#settledNs,
      backlog: this.#backlog(),
      isDone: this.#isStarted && this.#writers === 0,
    };
  }

  get member(): MemberState {
    const { open, isDone } = this.state;
    const { thread } = this.#setup;
    return {
      thread,
      acknowledged: this.#acknowledged,
      failed: this.#failed,
      batches: this.#batchesSettled,
      open,
      isDone,
    };
  }

  async #write(): Promise<void> {
    const { host, recorder } = this.#context;
    this.#writers++;
    let freeNs = this.#startNs;
    for (let task = this.#take(); task !== undefined; task = this.#take()) {
      await this.#sleepUntil(task.dueNs ?? this.#startNs);
      if (this.#isStopped) break;
      const begunNs = host.monotonicNs();
      // A writer that was busy until after the batch was due was kept by the database, not by itself.
      if (task.dueNs !== undefined) recorder.histograms.generatorLag.record(begunNs - Math.max(task.dueNs, freeNs));
      await this.#writeBatch(task);
      if (task.dueNs === undefined) await this.#sleepUntil(begunNs + this.#setup.batchIntervalMs * 1e6);
      freeNs = host.monotonicNs();
    }
    this.#writers--;
  }

  async #writeBatch({ rowCount, dueNs }: Task): Promise<void> {
    const { host, source, clock, recorder } = this.#context;
    const now = JSON.stringify(new Date(clock.nowMs()).toISOString());
    const rows: string[] = [];
    for (let i = 0; i < rowCount; i++) {
      const row = source.row(now);
      recorder.account.bytes += row.length;
      rows.push(row);
    }
    this.#open++;
    this.#openRows += rowCount;
    const sentNs = host.monotonicNs();
    const outcome = await this.#writer.write(rows, this.#giveUp.signal);
    const settledNs = host.monotonicNs();
    this.#open--;
    this.#openRows -= rowCount;
    this.#settledNs = settledNs;
    addOutcome(recorder.account, outcome);
    this.#acknowledged += outcome.written + outcome.ignored;
    this.#failed += outcome.refused.length + outcome.unknown.length;
    this.#batchesSettled++;
    for (const { code, message } of outcome.refused) recorder.rowErrors.add(code === "" ? "no code" : code, message);
    for (const { code, message } of outcome.unknown) recorder.rowErrors.add(`unknown ${code}`, message);
    recorder.histograms.endToEndActual.record(settledNs - sentNs);
    if (dueNs === undefined) return;
    recorder.histograms.endToEnd.record(settledNs - dueNs);
    recorder.histograms.sendLag.record(sentNs - dueNs);
  }

  #take(): Task | undefined {
    const { batchSize, rows, thread, threads } = this.#setup;
    if (this.#isStopped) return undefined;
    const left = rows === undefined ? Number.POSITIVE_INFINITY : rows - this.#rowsTaken;
    if (left <= 0) return undefined;
    const rowCount = Math.min(batchSize, left);
    let dueNs: number | undefined;
    if (this.#schedule !== undefined) {
      dueNs = this.#startNs + this.#schedule.dueNs(this.#batchesTaken * threads + thread);
      if (dueNs === Number.POSITIVE_INFINITY) return undefined;
    }
    this.#batchesTaken++;
    this.#rowsTaken += rowCount;
    return { rowCount, dueNs };
  }

  /** Batches of the schedule that ought to have begun: counted ahead from the next, as many as one look may cost. */
  #backlog(): number {
    if (this.#schedule === undefined || this.#isStopped) return 0;
    const { thread, threads } = this.#setup;
    const nowNs = this.#context.host.monotonicNs() - this.#startNs;
    let low = 0;
    let high = 1;
    const isDue = (ahead: number) =>
      this.#schedule!.dueNs((this.#batchesTaken + ahead - 1) * threads + thread) <= nowNs;
    while (isDue(high)) high *= 2;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (isDue(middle)) low = middle;
      else high = middle;
    }
    return low;
  }

  #onRequest(durationMs: number, fault: InsertFault | undefined): void {
    const { recorder } = this.#context;
    recorder.account.requests++;
    recorder.histograms.ack.record(durationMs * 1e6);
    if (fault === undefined) return;
    recorder.account.failedRequests++;
    recorder.requestErrors.add(`${fault.kind} ${fault.code}`, fault.message);
  }

  async #sleepUntil(ns: number): Promise<void> {
    const { clock, host } = this.#context;
    const leftMs = (ns - host.monotonicNs()) / 1e6;
    if (leftMs <= 0 || this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clock.clearTimer(timer);
        this.#sleeping.delete(wake);
        resolve();
      };
      const timer = clock.setTimer(wake, leftMs);
      this.#sleeping.add(wake);
    });
  }
}
