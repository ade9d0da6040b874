/**
 * How many messages per second the generator publishes and receives over loopback, against a sink in a thread of its own that
 * only parses packets and forwards them: one pair, 64 bytes, QoS 0, no schedule. `--smoke` for a tiny run.
 */

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { hostClock, systemClock } from "@polylog/base/clock";
import { FrameReader, packetTypes } from "@polylog/mqtt-wire";
import { runBench } from "./bench-run.ts";
import { planOfShape } from "./shape-plan.ts";

/** Forwards every PUBLISH to whoever subscribed last. */
function runSink(): void {
  let subscriber: Socket | undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    const reader = new FrameReader(1 << 20);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      reader.push(chunk);
      let bytes: Buffer | undefined;
      let start = 0;
      let end = 0;
      const forward = () => {
        if (bytes === undefined || end === start) return;
        if (subscriber?.write(bytes.subarray(start, end)) !== false) return;
        socket.pause();
        subscriber.once("drain", () => socket.resume());
      };
      while (reader.next()) {
        if (reader.type === packetTypes.PUBLISH) {
          if (reader.bytes !== bytes || reader.packetStart !== end) {
            forward();
            bytes = reader.bytes;
            start = reader.packetStart;
          }
          end = reader.packetEnd;
        } else if (reader.type === packetTypes.CONNECT) socket.write(Buffer.from([0x20, 2, 0, 0]));
        else if (reader.type === packetTypes.SUBSCRIBE) {
          subscriber = socket;
          socket.write(Buffer.from([0x90, 3, 0, 1, 0]));
        }
      }
      forward();
    });
  });
  server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as { port: number }).port));
}

async function main(): Promise<void> {
  const isSmoke = process.argv.includes("--smoke");
  const sink = new Worker(new URL(import.meta.url));
  const [port] = (await once(sink, "message")) as [number];
  const size = { publishers: 1, subscribers: 1, topics: 1 };
  const payload = { size: 64, filling: new Uint8Array(64).fill(7) };
  const times = { warmupNs: isSmoke ? 0 : 1e9, durationNs: isSmoke ? 0.2e9 : 5e9, cutEveryNs: 1e9 };
  const load = { qos: 0, retain: false, rate: 0, stages: [], clientPrefix: "b", baseTopic: "bench" } as const;
  const link = {
    dial: { host: "127.0.0.1", port, tls: undefined, webSocketPath: undefined },
    protocolLevel: 4 as const,
    userName: undefined,
    password: undefined,
    keepAliveSeconds: 0,
    isCleanStart: true,
    sessionExpirySeconds: undefined,
    connectTimeoutMs: 5000,
    sources: [],
  };
  const cpu = process.cpuUsage();
  const { totals, measuredNs } = await runBench(
    planOfShape("straight-run", { ...load, size, payload, ...times }),
    { link, inflightMax: 1, connectRate: 0, workers: 1, timeoutMs: 10_000, intervalMs: 1000, lateAfterNs: 1e9 },
    {
      clock: systemClock,
      host: hostClock,
      runTag: 1,
      observer: { onPhase: () => undefined, onProgress: () => undefined },
      stopRequested: new Promise(() => undefined),
    },
  );
  const used = process.cpuUsage(cpu);
  const { sent, received, receivedAll } = totals.counters;
  if (sent === 0 || received !== sent) throw new Error(`received ${received} of ${sent}`);
  const rate = (received / (measuredNs / 1e9) / 1e6).toFixed(2);
  const cost = ((used.user + used.system) / receivedAll).toFixed(2);
  process.stdout.write(`published and received: ${rate} M/s; ${cost} µs of a processor each, the sink's included\n`);
  await sink.terminate();
}

if (isMainThread) await main();
else runSink();
