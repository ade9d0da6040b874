/**
 * What a channel costs that has a million unfinished messages, a third each in flight, deferred and ready: memory for each
 * (bar: 150 bytes), saving them all, and loading them after a restart (bar: 2 s). The state store is LevelDB in a
 * temporary directory, as the server's.
 *
 *     npm run bench -- unfinished
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@polylog/base/clock";
import { LevelStateStore } from "@polylog/log/embedded";
import { startBrokerInMemory } from "../testing/memory-broker.ts";
import { type Channel, defaultChannelSettings } from "./channel.ts";
import { ChannelStore } from "./channel-store.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

const smoke = process.argv.includes("--smoke");
const messageCount = smoke ? 3_000 : 1_000_000;
const settings = defaultChannelSettings;

/** Every third message in flight, every third deferred, every third ready. */
function fill(window: UnfinishedWindow): void {
  for (let offset = 0; offset < messageCount; offset++) {
    window.deliverFresh(1, 0, 60_000);
    if (offset % 3 === 1) window.requeue(offset, 1, 1e9 + offset);
    else if (offset % 3 === 2) window.requeue(offset, 1, undefined);
  }
}

function usedBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "polylog-bench-"));
  const state = new LevelStateStore(join(directory, "state"));
  await state.open();
  const broker = await startBrokerInMemory(systemClock);
  const channel: Channel = await broker.catalog.ensureChannel(broker.catalog.ensure("orders"), "workers");
  try {
    await measure(channel, state);
  } finally {
    await state.close();
    await broker.stop();
    await rm(directory, { recursive: true });
  }
}

async function measure(channel: Channel, state: LevelStateStore): Promise<void> {
  const before = usedBytes();
  const window = new UnfinishedWindow(0);
  fill(window);
  const bytes = (usedBytes() - before) / messageCount;
  channel.restore({ paused: true, settings }, [window]);

  const store = new ChannelStore(state, systemClock, (error) => {
    throw error;
  });
  const saveStartMs = performance.now();
  await store.save(channel);
  const saveMs = performance.now() - saveStartMs;

  const loadStartMs = performance.now();
  const saved = { logName: "orders", name: "workers", paused: true, settings };
  const loaded = await store.loadWindow(saved, 0, { low: 0, high: messageCount });
  const loadMs = performance.now() - loadStartMs;
  const { readyCount = 0, deferredCount = 0 } = loaded?.window ?? {};
  if (readyCount + deferredCount !== messageCount) throw new Error("not everything was loaded");
  const per = globalThis.gc === undefined ? "about " : "";
  process.stdout.write(
    `${messageCount} unfinished: ${per}${bytes.toFixed(1)} B each, saved in ${saveMs.toFixed(0)} ms, loaded in ${loadMs.toFixed(0)} ms\n`,
  );
}

await main();
