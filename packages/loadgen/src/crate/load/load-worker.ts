/** Where a thread of the machine begins: it makes rows and connections for its members, and does what `load-messages.ts` says. */

import { setMaxListeners } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { hostClock, systemClock } from "@polylog/base/clock";
import { Brake } from "@polylog/crate-writer";
import { transportOf } from "../database/connection.ts";
import { RowIds } from "../rows/row-ids.ts";
import { loadModel } from "../rows/row-models.ts";
import type { FromLoader, LoadReport, LoadSetup, ToLoader } from "./load-messages.ts";
import { LoadRecorder } from "./load-recorder.ts";
import { Loader } from "./loader.ts";

const port = parentPort!;
const setup = workerData as LoadSetup;
const reply = (message: FromLoader): void => port.postMessage(message);

async function main(): Promise<void> {
  // Every request under way listens to the same signal.
  setMaxListeners(0);
  const loopDelay = monitorEventLoopDelay({ resolution: 5 });
  const { shape, source } = await loadModel(setup.model);
  const { connection, plan, seed, nonce, members } = setup;
  const isIdempotent = plan.onConflict === "nothing" && shape.primaryKey.length > 0;
  const shared = { ...plan, concurrency: plan.concurrency * members.length };
  const transport = transportOf(connection, shape, shared, systemClock);
  const brake = new Brake(systemClock);
  const recorder = new LoadRecorder();
  let pausesReported = 0;
  const loaders = members.map(({ thread, rows }) => {
    const context = { clock: systemClock, host: hostClock, transport, brake, recorder };
    const own = { ...setup, thread, rows, concurrency: plan.concurrency, isIdempotent };
    return new Loader(own, { ...context, source: source(seed, thread, new RowIds(nonce, thread)) });
  });
  const report = (): LoadReport => {
    const recorded = recorder.take();
    recorded.account.pauses = brake.pauseCount - pausesReported;
    pausesReported = brake.pauseCount;
    const states = loaders.map((loader) => loader.state);
    const sum = (name: "open" | "openRows" | "backlog") => states.reduce((total, state) => total + state[name], 0);
    const loopDelays = { loopDelayP99Ns: loopDelay.percentile(99), loopDelayMaxNs: loopDelay.max };
    loopDelay.reset();
    return {
      ...recorded,
      ...loopDelays,
      open: sum("open"),
      openRows: sum("openRows"),
      backlog: sum("backlog"),
      settledNs: Math.max(...states.map(({ settledNs }) => settledNs)),
      isDone: states.every(({ isDone }) => isDone),
      isBraked: brake.isOn,
      members: loaders.map(({ member }) => member),
    };
  };
  const fail = (error: unknown): void =>
    reply({ kind: "failed", problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  port.on("message", (message: ToLoader) => {
    switch (message.kind) {
      case "start":
        loopDelay.enable();
        for (const loader of loaders) loader.start(message.startNs).catch(fail);
        break;
      case "stop":
        for (const loader of loaders) loader.stop();
        break;
      case "abandon":
        for (const loader of loaders) loader.abandon();
        break;
      case "report":
        reply({ kind: "report", report: report() });
    }
  });
  reply({ kind: "ready" });
}

await main();
