/**
 * A channel working off a log in memory: every record delivered to one consumer and finished, no sockets.
 *
 *     npm run bench -- channel
 */

import { systemClock } from "@polylog/base/clock";
import type { RecordCursor } from "@polylog/log";
import { startBrokerInMemory } from "../testing/memory-broker.ts";
import type { Channel } from "./channel.ts";
import type { ChannelConsumer, ConsumerSink } from "./channel-consumer.ts";

const smoke = process.argv.includes("--smoke");
const recordCount = smoke ? 2_000 : 2_000_000;
const readyCount = 2_500;
const framesPerAppend = 500;
const valueSize = 200;

/** Collects offsets as they come and finishes them together, as a connection does with a chunk of FINs. */
class FinishingConsumer implements ConsumerSink {
  readonly #offsets = new Float64Array(readyCount);
  #count = 0;
  finishedCount = 0;

  onRecord(record: RecordCursor): void {
    this.#offsets[this.#count++] = record.offset;
  }

  onChannelClosed(): void {}

  finishAll(channel: Channel, consumer: ChannelConsumer): void {
    for (let i = 0; i < this.#count; i++) channel.finish(consumer, 0, this.#offsets[i]!);
    this.finishedCount += this.#count;
    this.#count = 0;
  }
}

async function main(): Promise<void> {
  const broker = await startBrokerInMemory(systemClock);
  const log = broker.catalog.ensure("bench");
  const channel = await broker.catalog.ensureChannel(log, "bench");
  const sink = new FinishingConsumer();
  const consumer = channel.addConsumer(sink, 60_000, 900_000);
  channel.setReady(consumer, readyCount);

  const region = framedRegion();
  const startedAtMs = performance.now();
  let appended = 0;
  while (sink.finishedCount < recordCount) {
    if (appended < recordCount && appended - sink.finishedCount < 20_000) {
      broker.produceFramed(log, region, 0, region.length, framesPerAppend, { onDurable: () => undefined }, 0);
      appended += framesPerAppend;
    }
    await new Promise((resolve) => setImmediate(resolve));
    sink.finishAll(channel, consumer);
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  process.stdout.write(`deliver and finish, ${valueSize} B: ${(recordCount / seconds / 1e6).toFixed(2)} M records/s\n`);
  await broker.stop();
}

function framedRegion(): Buffer {
  const region = Buffer.alloc((4 + valueSize) * framesPerAppend, 0x61);
  for (let i = 0; i < framesPerAppend; i++) region.writeUInt32BE(valueSize, i * (4 + valueSize));
  return region;
}

await main();
