/**
 * Moves the records of a log into a table: a consumer of a channel whose work is a batch of rows.
 *
 *     record ──encode──▶ batch ──▶ writer ──▶ written, already there ──▶ FIN
 *                                          └─▶ refused ──▶ log of dead letters ──▶ FIN
 *
 * A record is finished after its row is there. What was written and not finished before a crash comes again and finds its
 * row: the primary key is (partition, offset). While the database is away nothing is finished, so the channel waits and
 * later catches up; what is in memory is bounded by what is in flight.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import type { Counter, Logger, MetricRegistry } from "@polylog/base/telemetry";
import { type Broker, type BrokerLog, type Channel, type ChannelConsumer, RecordCursor } from "@polylog/broker";
import { type BatchOutcome, BatchWriter, Brake, type InsertFault, type RefusedRow } from "@polylog/crate-writer";
import { batchBytesMax, batchesMax, batchLingerMs, prepareRetryMs } from "../limits.ts";
import { type ColumnSource, columnSources, encodeRow, RecordValue } from "./row-encoder.ts";
import type { SinkRule } from "./sink-rule.ts";
import type { SinkTarget } from "./sink-target.ts";

export interface LogSinkOptions {
  readonly rule: SinkRule;
  readonly target: SinkTarget;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

interface Row {
  readonly partition: number;
  readonly offset: number;
  readonly attempts: number;
  readonly text: string;
  /** Of a record that cannot be a row. */
  readonly problem?: string;
}

/** Nobody else takes what is in flight here: only the end of the process does. */
const foreverMs = 366 * 24 * 60 * 60 * 1000;

export class LogSink implements Service {
  readonly name: string;
  readonly #options: LogSinkOptions;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  readonly #rowsWritten: Counter;
  readonly #rowsRefused: Counter;
  readonly #recordsSkipped: Counter;
  readonly #running = new Set<Promise<void>>();
  readonly #value = new RecordValue();
  #prepared: Promise<void> = Promise.resolve();
  #log: BrokerLog | undefined;
  #channel: Channel | undefined;
  #consumer: ChannelConsumer | undefined;
  #writer: BatchWriter | undefined;
  #columns: readonly ColumnSource[] = [];
  #batch: Row[] = [];
  #batchBytes = 0;
  /** Characters of all rows that are in flight. */
  #heldLength = 0;
  #isHolding = false;
  #linger: Timer | undefined;
  #wake: (() => void) | undefined;
  #isAway = false;
  #isEnding = false;

  constructor(options: LogSinkOptions) {
    const { rule, logger, metrics } = options;
    this.name = `sink of ${rule.log}`;
    this.#options = options;
    this.#logger = logger.child("sink");
    const labels = { log: rule.log, table: rule.table };
    this.#rowsWritten = metrics.counter("polylog_sink_rows_total", "Records that are rows.", labels);
    this.#rowsRefused = metrics.counter(
      "polylog_sink_refused_total",
      "Records that went to the log of dead letters.",
      labels,
    );
    this.#recordsSkipped = metrics.counter(
      "polylog_sink_skipped_total",
      "Records that were refused and can have no dead letter.",
      labels,
    );
  }

  /** The database need not be there yet: records wait in their channel. */
  async start(): Promise<void> {
    const { broker, rule } = this.#options;
    const { catalog } = broker;
    this.#log = catalog.ensure(rule.log);
    this.#channel = await catalog.ensureChannel(this.#log, rule.channel, "earliest");
    this.#prepared = this.#prepare();
  }

  /** Writes what it has, as far as the deadline lets it; the rest comes again. */
  async stop({ deadlineMs = 10_000 }: StopOptions = {}): Promise<void> {
    const { clock, target } = this.#options;
    this.#isEnding = true;
    if (this.#consumer !== undefined) this.#channel?.setReady(this.#consumer, 0);
    this.#send();
    const timer = clock.setTimer(() => this.#stopping.abort(), this.#isAway ? 0 : deadlineMs / 2);
    await Promise.all(this.#running);
    clock.clearTimer(timer);
    this.#stopping.abort();
    this.#wake?.();
    await this.#prepared;
    if (this.#consumer !== undefined) this.#channel?.removeConsumer(this.#consumer);
    await target.close();
  }

  async #prepare(): Promise<void> {
    const { target, rule, clock } = this.#options;
    let said = "";
    while (!this.#stopping.signal.aborted) {
      try {
        this.#begin(await target.prepare());
        return;
      } catch (error) {
        const { message } = error as Error;
        if (message !== said)
          this.#logger.warn("the sink's table is not there; records wait", { ...this.#fields(), reason: message });
        said = message;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        clock.setTimer(resolve, prepareRetryMs);
      });
    }
    this.#logger.debug("the sink ended before it began", { log: rule.log });
  }

  #begin(columns: readonly string[]): void {
    const { rule, target, clock } = this.#options;
    this.#columns = columnSources(columns, rule.columns);
    this.#writer = new BatchWriter({
      transport: target.transport(columns),
      brake: new Brake(clock),
      clock,
      isIdempotent: true,
      onRequest: (_durationMs, _rowCount, fault) => this.#onRequest(fault),
    });
    const channel = this.#channel!;
    const sink = {
      onRecord: (record: RecordCursor, partition: number, attempts: number) =>
        this.#onRecord(record, partition, attempts),
      onChannelClosed: () => this.#stopping.abort(),
    };
    this.#consumer = channel.addConsumer(sink, foreverMs, foreverMs);
    channel.setReady(this.#consumer, this.#readyCount);
    this.#logger.info("records go to their table", { ...this.#fields(), columns: columns.join(", ") });
  }

  #onRecord(record: RecordCursor, partition: number, attempts: number): void {
    const { offset } = record;
    const { text, problem } = this.#encode(record, partition);
    this.#batch.push({ partition, offset, attempts, text, ...(problem !== undefined && { problem }) });
    this.#batchBytes += text.length;
    this.#heldLength += text.length;
    this.#holdOrTake();
    if (this.#batch.length >= this.#options.rule.batchRows || this.#batchBytes >= batchBytesMax) this.#send();
    else this.#linger ??= this.#options.clock.setTimer(() => this.#send(), batchLingerMs);
  }

  #encode(record: RecordCursor, partition: number): { text: string; problem?: string } {
    if (!this.#value.read(record)) return { text: "", problem: "the value is not UTF-8" };
    try {
      return { text: encodeRow(this.#columns, record, partition, this.#value) };
    } catch (error) {
      // JSON is read however deep it is nested, and not written.
      return { text: "", problem: `the value cannot be a row: ${(error as Error).message}` };
    }
  }

  get #readyCount(): number {
    return this.#options.rule.batchRows * batchesMax;
  }

  /** Large records are bounded by their size and not only by their count: the database may be away for long. */
  #holdOrTake(): void {
    const isHolding = this.#heldLength >= batchBytesMax * batchesMax;
    if (isHolding === this.#isHolding || this.#isEnding) return;
    this.#isHolding = isHolding;
    this.#channel!.setReady(this.#consumer!, isHolding ? 0 : this.#readyCount);
  }

  #send(): void {
    this.#options.clock.clearTimer(this.#linger);
    this.#linger = undefined;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    const done = this.#write(batch).catch((error: unknown) => {
      this.#logger.error("a batch failed in a way it should not; its records come again", { ...this.#fields(), error });
      this.#giveBack(batch);
    });
    this.#running.add(done);
    void done.then(() => {
      this.#running.delete(done);
      for (const { text } of batch) this.#heldLength -= text.length;
      this.#holdOrTake();
    });
  }

  async #write(batch: readonly Row[]): Promise<void> {
    const sound = batch.filter(({ problem }) => problem === undefined);
    const rows = sound.map(({ text }) => text);
    const outcome: BatchOutcome = await this.#writer!.write(rows, this.#stopping.signal);
    const open = new Set<Row>();
    for (const { index } of outcome.unknown) open.add(sound[index]!);
    for (const refused of outcome.refused) {
      if (isPassing(refused)) open.add(sound[refused.index]!);
      else if (!(await this.#bury(sound[refused.index]!, `${refused.code} ${refused.message}`)))
        open.add(sound[refused.index]!);
    }
    for (const row of batch) if (row.problem !== undefined && !(await this.#bury(row, row.problem))) open.add(row);
    this.#rowsWritten.value += outcome.written + outcome.ignored;
    for (const row of batch) if (!open.has(row)) this.#channel!.finish(this.#consumer!, row.partition, row.offset);
    this.#giveBack([...open]);
  }

  /** To the log of dead letters. False when it cannot be appended there now. */
  async #bury(row: Row, detail: string): Promise<boolean> {
    const { broker, rule, clock } = this.#options;
    try {
      const record = await this.#read(row);
      if (record === undefined) return true; // It was trimmed meanwhile.
      const origin = {
        ...row,
        log: rule.log,
        channel: rule.channel,
        reason: "refused" as const,
        timeMs: clock.nowMs(),
      };
      await broker.catalog.appendDeadLetter(this.#log!, record, origin, detail.slice(0, 1000));
      if (this.#rowsRefused.value++ === 0)
        this.#logger.warn("the database refused a record; it is in the log of dead letters", {
          ...this.#fields(),
          offset: row.offset,
          reason: detail,
        });
      return true;
    } catch (error) {
      const { partition, offset } = row;
      const isHopeless = hopeless.some((code) => isCodedError(error, code));
      if (isHopeless) this.#recordsSkipped.value++;
      const what = isHopeless ? "it is left out, and stays in its log" : "it comes again";
      const fields = { ...this.#fields(), partition, offset, reason: detail, error };
      this.#logger.error(`a refused record cannot go to the log of dead letters; ${what}`, fields);
      return isHopeless;
    }
  }

  /** Undefined when it is not kept any more. */
  async #read({ partition, offset }: Row): Promise<RecordCursor | undefined> {
    const from = this.#log!.partitions[partition];
    if (from === undefined || offset < from.lowWatermark) return undefined;
    const chunk = await from.readChunk(offset, 1);
    if (chunk === undefined) return undefined;
    const record = new RecordCursor();
    record.reset(chunk, offset);
    return record.next() && record.offset === offset ? record : undefined;
  }

  #giveBack(rows: readonly Row[]): void {
    for (const { partition, offset } of rows)
      this.#channel!.requeue(this.#consumer!, partition, offset, prepareRetryMs);
  }

  #onRequest(fault: InsertFault | undefined): void {
    const isAway = fault !== undefined && fault.kind !== "smaller" && fault.kind !== "row";
    if (isAway && !this.#isAway)
      this.#logger.warn("the database does not take rows; records wait", {
        ...this.#fields(),
        code: fault.code,
        reason: fault.message,
      });
    else if (!isAway && this.#isAway) this.#logger.info("the database takes rows again", this.#fields());
    this.#isAway = isAway;
  }

  #fields(): { log: string; table: string } {
    const { log, table } = this.#options.rule;
    return { log, table };
  }
}

/**
 * Not the row's fault, as codes of CrateDB, HTTP and PostgreSQL: the sink is stopping, the table or a column is gone, the user may not
 * write. As at the start of a sink its records wait until somebody puts that right.
 */
const passing: ReadonlySet<string> = new Set([
  "ABORTED",
  ...["4010", "4011", "4041", "4043", "4045", "401", "403"],
  ...["28000", "28P01", "3D000", "3F000", "42P01", "42501", "42703"],
]);

/** With these a record never gets a dead letter, however often it comes. */
const hopeless = ["broker.DEAD_LETTER_NAME", "log.RECORD_TOO_LARGE", "log.RECORD_INVALID"];

function isPassing({ code }: RefusedRow): boolean {
  return passing.has(code);
}
