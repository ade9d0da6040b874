/**
 * Sends the records of a log's partitions to one client as they come, each partition in order, without a hole and without
 * a double. Partitions take turns, one notification each.
 *
 *     idle ──new record, read done, credit──▶ scheduled ──end of turn──▶ idle | waitingForRoom ──room──▶ idle
 *        any ──end, close──▶ closed
 *
 * Two things hold it back: credits (each notification takes one) and the client's socket (nothing is made while more
 * waits in it than the mark). An error ends it: the client, who knows the last offset it got, decides where to go on.
 *
 *     subscription.records {subscription, partition, records, highWatermark}
 *     subscription.error   {subscription, partition, offset, error}       then subscription.end
 *     subscription.end     {subscription, reason}
 */

import type { Clock } from "@polylog/base/clock";
import type { BrokerLog, Partition } from "@polylog/broker";
import { errorObject } from "../error-object.ts";
import { creditsMax, notificationBytesMax, notificationRecordsMax, readAheadSize } from "../limits.ts";
import type { Encoding } from "../records/encoding.ts";
import { type JsonText, joinTexts } from "../records/json-parts.ts";
import { chunkAt, RecordRun } from "../records/record-run.ts";

/** `error`: after subscription.error. `deleted`: the log was. `stopping`: the server is. */
export type EndReason = "error" | "deleted" | "stopping";

export interface RoomWaiter {
  onRoom(): void;
}

export interface SubscriptionSink {
  /** More waits to be sent than should. */
  readonly isFull: boolean;
  /** Calls back once, when there is room; those who wait are called in order. */
  whenRoom(waiter: RoomWaiter): void;
  notify(method: string, params: JsonText): void;
}

export interface SubscriptionOptions {
  readonly id: number;
  readonly log: BrokerLog;
  readonly encoding: Encoding;
  readonly credits: number;
  readonly clock: Clock;
  readonly sink: SubscriptionSink;
  /** Called once, when it is over. */
  readonly onEnd: () => void;
}

type Status = "idle" | "scheduled" | "waitingForRoom" | "closed";

const bounds = { recordsMax: notificationRecordsMax, bytesMax: notificationBytesMax };

/** One partition: what is to be sent next, and the chunk that has it while the client is behind. */
class Tail {
  readonly partition: Partition;
  offset: number;
  chunk: Awaited<ReturnType<typeof chunkAt>>;
  reading = false;
  /** The chunk was not in memory. */
  wasRead = false;

  constructor(partition: Partition, offset: number) {
    this.partition = partition;
    this.offset = offset;
  }

  drop(): void {
    if (this.chunk !== undefined) this.partition.giveBack(this.chunk);
    this.chunk = undefined;
  }

  get isAtEnd(): boolean {
    return this.offset >= this.partition.highWatermark && this.offset <= this.partition.nextOffset;
  }
}

export class TailSubscription implements RoomWaiter {
  readonly id: number;
  readonly #options: SubscriptionOptions;
  readonly #tails: readonly Tail[];
  #tailNext = 0;
  #credits: number;
  #status: Status = "idle";
  readonly #pumpNow = () => {
    if (this.#status !== "scheduled") return;
    this.#status = "idle";
    this.#pump();
  };

  /** `offsets`: where to start each of `partitions`. Nothing is sent before `start`. */
  constructor(options: SubscriptionOptions, partitions: readonly Partition[], offsets: readonly number[]) {
    this.id = options.id;
    this.#options = options;
    this.#credits = options.credits;
    this.#tails = partitions.map((partition, index) => new Tail(partition, offsets[index]!));
  }

  start(): void {
    if (this.#status === "closed") return;
    for (const tail of this.#tails) tail.partition.watch(this);
    this.#wake();
  }

  /** Adds credits, up to `creditsMax`, and returns how many there are now. */
  grant(credits: number): number {
    this.#credits = Math.min(creditsMax, this.#credits + credits);
    this.#wake();
    return this.#credits;
  }

  /** Ends it and tells the client why. */
  end(reason: EndReason): void {
    if (this.#status === "closed") return;
    this.#options.sink.notify("subscription.end", JSON.stringify({ subscription: this.id, reason }));
    this.close();
  }

  /** Ends it without a word; no notification follows. */
  close(): void {
    if (this.#status === "closed") return;
    this.#status = "closed";
    for (const tail of this.#tails) {
      tail.partition.unwatch(this);
      tail.drop();
    }
    this.#options.onEnd();
  }

  /** Called by a partition: there are new records, or it was closed with its log. */
  onHighWatermark(partition: Partition): void {
    if (partition.status === "closed") this.end("deleted");
    else this.#wake();
  }

  /** Called by the sink. */
  onRoom(): void {
    if (this.#status !== "waitingForRoom") return;
    this.#status = "idle";
    this.#pump();
  }

  #wake(): void {
    if (this.#status === "idle" && this.#credits > 0) this.#wakeAt("atTurnEnd");
  }

  #wakeAt(turn: "atTurnEnd" | "atSpareTurn"): void {
    this.#status = "scheduled";
    this.#options.clock[turn](this.#pumpNow);
  }

  #pump(): void {
    while (this.#credits > 0 && this.#status === "idle") {
      const tail = this.#readableTail();
      if (tail === undefined) return;
      if (this.#options.sink.isFull) {
        this.#status = "waitingForRoom";
        this.#options.sink.whenRoom(this);
        return;
      }
      this.#send(tail);
      // What was in memory is live; what had to be read can wait for its turn, one notification each.
      if (tail.wasRead && this.#status === "idle") this.#wakeAt("atSpareTurn");
    }
  }

  /** The next partition, going round, whose records are in memory; those that are not are being read afterwards. */
  #readableTail(): Tail | undefined {
    for (let i = 0; i < this.#tails.length; i++) {
      const tail = this.#tails[(this.#tailNext + i) % this.#tails.length]!;
      if (!this.#hasChunk(tail)) continue;
      this.#tailNext = (this.#tailNext + i + 1) % this.#tails.length;
      return tail;
    }
    return undefined;
  }

  #hasChunk(tail: Tail): boolean {
    if (tail.reading) return false;
    if (tail.isAtEnd) {
      tail.drop(); // An idle subscription holds no memory.
      return false;
    }
    if (tail.chunk !== undefined && tail.offset < tail.chunk.offsetNext) return true;
    tail.drop();
    const found = chunkAt(tail.partition, tail.offset, readAheadSize);
    if (!(found instanceof Promise)) {
      tail.chunk = found;
      tail.wasRead = false;
      return true;
    }
    tail.reading = true;
    void this.#receive(tail, found);
    return false;
  }

  async #receive(tail: Tail, read: Promise<Tail["chunk"]>): Promise<void> {
    try {
      tail.chunk = await read;
      tail.wasRead = true;
      tail.reading = false;
      if (this.#status === "closed") tail.drop();
      else this.#wake();
    } catch (error) {
      this.#fail(tail, error);
    }
  }

  #send(tail: Tail): void {
    const { encoding, sink } = this.#options;
    const { highWatermark, number } = tail.partition;
    const run = new RecordRun(tail.offset, encoding, bounds);
    let fault: unknown;
    try {
      while (run.take(tail.chunk!, highWatermark)); // A notification is one slice.
    } catch (error) {
      fault = error;
    }
    tail.offset = run.offsetNext;
    if (run.count > 0) {
      this.#credits--;
      const head = `{"subscription":${this.id},"partition":${number},"records":`;
      sink.notify("subscription.records", joinTexts([head, run.text(), `,"highWatermark":${highWatermark}}`]));
    }
    if (fault !== undefined) this.#fail(tail, fault);
  }

  #fail(tail: Tail, fault: unknown): void {
    if (this.#status === "closed") return;
    const where = { subscription: this.id, partition: tail.partition.number, offset: tail.offset };
    this.#options.sink.notify("subscription.error", JSON.stringify({ ...where, error: errorObject(fault) }));
    this.end("error");
  }
}
