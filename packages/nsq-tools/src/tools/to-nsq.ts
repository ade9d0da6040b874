/**
 * to_nsq: publishes what comes on standard input, piece by piece, to a topic on every nsqd given.
 *
 * Unlike to_nsq of NSQ it publishes the last piece whole when no delimiter follows it; that one loses its last byte.
 * Up to `publishesMax` pieces are under way at a time; on each nsqd they stay in order. The first failure ends the tool.
 */

import type { Clock } from "@polylog/base/clock";
import type { GoFlagTable, GoFlagValues } from "@polylog/base/go-flags";
import { Producer } from "../client/index.ts";
import { clientOptions, fatal, messageOf, producerOptFlag, type Tool, type ToolContext } from "./tool.ts";

/** Pieces published and not yet answered. */
const publishesMax = 256;

const flags = {
  delimiter: { type: "string", default: "\n", usage: "character to split input from stdin" },
  "nsqd-tcp-address": { type: "strings", usage: "destination nsqd TCP address (may be given multiple times)" },
  "producer-opt": producerOptFlag,
  rate: { type: "int", default: 0, usage: "Throttle messages to n/second. 0 to disable" },
  topic: { type: "string", default: "", usage: "NSQ topic to publish to" },
} as const satisfies GoFlagTable;

export const toNsq: Tool<typeof flags> = {
  name: "to_nsq",
  summary: "Publishes what comes on standard input, piece by piece.",
  flags,
  run,
};

async function run(values: GoFlagValues<typeof flags>, context: ToolContext): Promise<void> {
  const { topic, rate } = values;
  if (topic === "") throw fatal("--topic required");
  const delimiter = Buffer.from(values.delimiter, "utf8");
  if (delimiter.length !== 1) throw fatal("--delimiter must be a single byte");
  const options = clientOptions(toNsq.name, "producer-opt", values["producer-opt"]);
  const { clock, dialer } = context;
  const addresses = [...new Set(values["nsqd-tcp-address"])];
  if (addresses.length === 0) throw fatal("--nsqd-tcp-address required");
  const producers = addresses.map((address) => new Producer(address, { clock, dialer, options }));
  if (rate >= 1) context.log.print(`Throttling messages rate to max:${rate}/second`);

  const bucket = new TokenBucket(clock, rate);
  const window = new PublishWindow(producers, topic);
  let stopping = false;
  const stopped = context.stopRequested.then(() => {
    stopping = true;
  });
  const input = readPieces(context.stdin, delimiter[0]!);
  const publishing = (async () => {
    for await (const piece of input) {
      if (stopping) return;
      if (rate >= 1) await bucket.take();
      if (stopping) return;
      await window.publish(piece);
    }
  })();
  try {
    // Standard input may never end: a stop does not wait for it.
    await Promise.race([publishing, stopped]);
    await window.drain();
  } catch (error) {
    throw fatal(messageOf(error), error);
  }
  await Promise.all(producers.map((each) => each.stop()));
}

/** The non-empty pieces between delimiters; what follows the last one counts. */
export async function* readPieces(input: AsyncIterable<Buffer | string>, delimiter: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  for await (const each of input) {
    const chunk = typeof each === "string" ? Buffer.from(each) : each;
    let start = 0;
    for (let end = chunk.indexOf(delimiter); end !== -1; end = chunk.indexOf(delimiter, start)) {
      parts.push(chunk.subarray(start, end));
      const piece = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts = [];
      if (piece.length > 0) yield piece;
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

/** Publishes to all producers, a bounded number of pieces at a time. */
class PublishWindow {
  readonly #producers: readonly Producer[];
  readonly #topic: string;
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown;

  constructor(producers: readonly Producer[], topic: string) {
    this.#producers = producers;
    this.#topic = topic;
  }

  /** Resolves when there is room for another. Rejects when an earlier one failed. */
  async publish(piece: Buffer): Promise<void> {
    const all = Promise.all(this.#producers.map((each) => each.publish(this.#topic, piece)));
    const done: Promise<void> = all
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
    if (this.#underWay.size >= publishesMax) await Promise.race(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async drain(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** `rate` tokens a second, one at first; what is saved up is worth one second at most. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #rate: number;
  #tokens = 1;
  #filledMs: number;

  constructor(clock: Clock, rate: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#filledMs = clock.monotonicMs();
  }

  async take(): Promise<void> {
    this.#fill();
    if (this.#tokens < 1) {
      const waitMs = ((1 - this.#tokens) * 1000) / this.#rate;
      await new Promise<void>((resolve) => this.#clock.setTimer(resolve, waitMs));
      this.#fill();
    }
    this.#tokens--;
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#rate, this.#tokens + ((nowMs - this.#filledMs) * this.#rate) / 1000);
    this.#filledMs = nowMs;
  }
}
