/**
 * Live work for the length of a window, on raw sockets: a flood of acknowledged PUBs from one connection, and beside it a
 * message every other millisecond, whose way from producer to consumer is timed.
 */

import { ByteWriter } from "@polylog/base/bytes";
import { encodePub, encodeRdy, encodeSub, FrameReader, frameTypes } from "@polylog/nsq-wire";
import { openNsq } from "./nsq-consumer.ts";

export interface LiveLoad {
  /** Acknowledged messages per second; 0 without a flood. */
  readonly pubsPerSecond: number;
  /** From the PUB's write to the consumer's read, in milliseconds, sorted. */
  readonly latenciesMs: readonly number[];
}

const outstandingMax = 512;
const probeIntervalMs = 2;
const probeBodySize = 64;
/** Bytes of a message frame's data in front of the body: timestamp, attempts, id. */
const messageHeaderSize = 26;
const finSize = 21;

/** `flood`: with PUBs of 256 bytes to `topic`, as many as 512 outstanding allow. */
export async function runLiveLoad(port: number, topic: string, ms: number, flood: boolean): Promise<LiveLoad> {
  const probe = await startProbe(port, `${topic}.probe`);
  const startedAtMs = performance.now();
  const answered = flood ? await floodFor(port, topic, ms) : await sleep(ms);
  const seconds = (performance.now() - startedAtMs) / 1000;
  return { pubsPerSecond: answered / seconds, latenciesMs: probe.stop() };
}

async function sleep(ms: number): Promise<0> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return 0;
}

/** Resolves with how many PUBs were acknowledged. */
async function floodFor(port: number, topic: string, ms: number): Promise<number> {
  const socket = await openNsq(port);
  const writer = new ByteWriter();
  encodePub(writer, topic, Buffer.alloc(256, 0x61));
  const pub = writer.take();
  const pubs = Buffer.concat(new Array<Buffer>(outstandingMax).fill(pub));
  const reader = new FrameReader();
  const endMs = performance.now() + ms;
  return new Promise((resolve, reject) => {
    let answered = 0;
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      let count = 0;
      while (reader.next()) {
        if (reader.frameType === frameTypes.error) reject(new Error(reader.bytes.toString("latin1", reader.bodyStart)));
        count++;
      }
      answered += count;
      if (performance.now() < endMs) socket.write(pubs.subarray(0, count * pub.length));
      else {
        socket.destroy();
        resolve(answered);
      }
    });
    socket.write(pubs);
  });
}

/** Publishes and consumes from now on; `stop` gives what was measured. */
async function startProbe(port: number, topic: string): Promise<{ stop(): number[] }> {
  const [producer, consumer] = [await openNsq(port), await openNsq(port, "consumer")];
  const latenciesMs: number[] = [];
  const reader = new FrameReader();
  consumer.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    const nowMs = performance.now();
    while (reader.next()) {
      if (reader.frameType !== frameTypes.message) continue;
      const { bytes, bodyStart } = reader;
      latenciesMs.push(nowMs - bytes.readDoubleLE(bodyStart + messageHeaderSize));
      const fin = Buffer.alloc(finSize, "FIN 0123456789abcdef\n", "latin1");
      bytes.copy(fin, 4, bodyStart + 10, bodyStart + 26);
      consumer.write(fin);
    }
  });
  producer.resume();
  const writer = new ByteWriter();
  encodeSub(writer, topic, "probe");
  encodeRdy(writer, 1000);
  consumer.write(writer.take());
  const body = Buffer.alloc(probeBodySize);
  const timer = setInterval(() => {
    body.writeDoubleLE(performance.now(), 0);
    encodePub(writer, topic, body);
    producer.write(writer.take());
  }, probeIntervalMs);
  return {
    stop: () => {
      clearInterval(timer);
      producer.destroy();
      consumer.destroy();
      return latenciesMs.sort((a, b) => a - b);
    },
  };
}
