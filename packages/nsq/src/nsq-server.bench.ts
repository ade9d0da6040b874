/**
 * Messages per second through a whole NSQ server in this process, on storage in memory at durability `written` and
 * without a network: what the server itself costs. Rates are the best of several rounds.
 *
 *     node packages/nsq/dist/nsq-server.bench.js [--smoke]
 */

import { ByteWriter } from "@polylog/base/bytes";
import { MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { type ByteStream, TurnFlusher } from "@polylog/base/transport";
import { MemoryBroker } from "@polylog/broker/testing";
import {
  encodeMpub,
  encodePub,
  encodeRdy,
  encodeSub,
  messageFrameSize,
  okFrame,
  writeMessageId,
} from "@polylog/nsq-wire";
import { NsqServer } from "./nsq-server.ts";

const body = Buffer.alloc(200, 0x61);
const batch: readonly Buffer[] = new Array(100).fill(body);
const readyCount = 2500;
const finSize = 21;

/** A peer that counts what it is sent. */
class CountingStream implements ByteStream {
  readonly writableLength = 0;
  received = 0;
  #onData: (chunk: Buffer) => void = () => undefined;

  send(chunk: Buffer): void {
    this.#onData(chunk);
  }

  write(bytes: Uint8Array): boolean {
    this.received += bytes.length;
    return true;
  }

  on(event: string, listener: (argument: never) => void): void {
    if (event === "data") this.#onData = listener as (chunk: Buffer) => void;
  }

  cork(): void {}
  uncork(): void {}
  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

class Bench {
  readonly #memory: MemoryBroker;
  readonly #server: NsqServer;

  private constructor(memory: MemoryBroker) {
    this.#memory = memory;
    const { broker, clock } = memory;
    const flusher = new TurnFlusher(clock);
    this.#server = new NsqServer({ broker, clock, flusher, logger: silentLogger, metrics: new MetricRegistry() });
  }

  static async start(): Promise<Bench> {
    return new Bench(await MemoryBroker.start());
  }

  connect(): CountingStream {
    const stream = new CountingStream();
    this.#server.accept(stream);
    stream.send(Buffer.from("  V2"));
    return stream;
  }

  /** Sends commands and lets what they bring happen until so many bytes came back. */
  async exchange(stream: CountingStream, commands: Buffer, answerSize: number): Promise<void> {
    const wanted = stream.received + answerSize;
    stream.send(commands);
    this.#memory.clock.turn();
    while (stream.received < wanted) await this.#memory.run();
    if (stream.received > wanted) throw new Error("more came back than was asked for");
  }
}

function repeated(count: number, write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  for (let i = 0; i < count; i++) write(writer);
  return writer.take();
}

/** `outstanding` commands at a time, each for `messages` messages and answered by OK. */
async function publish(total: number, outstanding: number, messages: number, command: Buffer): Promise<void> {
  const bench = await Bench.start();
  const publisher = bench.connect();
  const commands = repeated(outstanding, (writer) => writer.bytes(command));
  for (let sent = 0; sent < total; sent += outstanding * messages) {
    await bench.exchange(publisher, commands, outstanding * okFrame.length);
  }
}

/** Messages that wait in the log go to one consumer with `readyCount`, which finishes each. */
async function deliver(total: number): Promise<() => Promise<void>> {
  const bench = await Bench.start();
  const publisher = bench.connect();
  const mpub = repeated(1, (writer) => encodeMpub(writer, "orders", batch));
  for (let sent = 0; sent < total; sent += batch.length) await bench.exchange(publisher, mpub, okFrame.length);
  const consumer = bench.connect();
  const sub = repeated(1, (writer) => encodeSub(writer, "orders", "billing"));
  await bench.exchange(consumer, sub, okFrame.length);
  return async () => {
    const frameSize = messageFrameSize(body.length);
    let offset = 0;
    let next = repeated(1, (writer) => encodeRdy(writer, readyCount));
    while (offset < total) {
      const count = Math.min(readyCount, total - offset);
      await bench.exchange(consumer, next, count * frameSize);
      next = finsOf(offset, count);
      offset += count;
    }
    await bench.exchange(consumer, next, 0);
  };
}

function finsOf(offsetFirst: number, count: number): Buffer {
  const fins = Buffer.allocUnsafe(count * finSize);
  for (let i = 0, at = 0; i < count; i++) {
    fins.write("FIN ", at, "latin1");
    at = writeMessageId(fins, at + 4, 0, offsetFirst + i);
    fins[at++] = 0x0a;
  }
  return fins;
}

async function measure(name: string, total: number, rounds: number, prepare: () => Promise<() => Promise<void>>) {
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const run = await prepare();
    const startedMs = performance.now();
    await run();
    best = Math.max(best, total / (performance.now() - startedMs) / 1000);
  }
  process.stdout.write(`${name.padEnd(48)} ${best.toFixed(3).padStart(8)} M messages/s\n`);
}

async function main(args: readonly string[]): Promise<void> {
  const smoke = args.includes("--smoke");
  const total = smoke ? 6_400 : 320_000;
  const rounds = smoke ? 1 : 5;
  const pub = repeated(1, (writer) => encodePub(writer, "orders", body));
  const mpub = repeated(1, (writer) => encodeMpub(writer, "orders", batch));
  await measure("PUB 200 bytes, 32 outstanding", total, rounds, async () => () => publish(total, 32, 1, pub));
  await measure("MPUB 100 × 200 bytes, 8 outstanding", total, rounds, async () => () => publish(total, 8, 100, mpub));
  await measure("delivery and FIN, RDY 2500", total, rounds, () => deliver(total));
}

await main(process.argv.slice(2));
