/** One use of `run`: its runs one after the other, what they print and what they store. */

import { randomBytes, randomUUID } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import { hostClock, systemClock } from "@polylog/base/clock";
import { isPlainTerminal } from "../dashboard/dashboard.ts";
import type { Target } from "../measure/result.ts";
import { thisMachine } from "../measure/this-machine.ts";
import type { Threshold } from "../measure/thresholds.ts";
import { BenchDashboard } from "../mqtt/bench-dashboard.ts";
import { benchProfile } from "../mqtt/bench-profile.ts";
import type { BenchResult } from "../mqtt/bench-result.ts";
import { type ReceivedAccount, resultOf } from "../mqtt/bench-result-of.ts";
import { type BenchObserver, type BenchOutcome, expectedOf, type Progress, runBench } from "../mqtt/bench-run.ts";
import { offeredRate } from "../mqtt/plan.ts";
import { isStampedPayload } from "../mqtt/shape-plan.ts";
import { Checkpoints } from "../store/checkpoints.ts";
import { ResultStore } from "../store/result-store.ts";
import { findTarget, type Target as SeenTarget } from "../target/find-target.ts";
import { TargetWatch } from "../target/target-watch.ts";
import { toolVersion } from "../version.ts";
import type { Environment } from "./command.ts";
import { ProgressLine } from "./progress-line.ts";
import { logPathOf, RunLog } from "./run-log.ts";
import type { RunOptions } from "./run-options.ts";
import { type Load, settingsOf } from "./run-plan.ts";

const samplePhases = {
  connect: "warmup",
  "warm-up": "warmup",
  measure: "measurement",
  drain: "cooldown",
  done: "cooldown",
} as const;

export class RunSession {
  readonly #options: RunOptions;
  readonly #thresholds: readonly Threshold[];
  readonly #address: string;
  readonly #environment: Environment;
  readonly #runId = randomUUID();
  readonly #machine = thisMachine();
  readonly #target: Target;
  readonly #log: RunLog;
  #store: ResultStore | undefined;
  readonly #quit = latch();
  #isStopped = false;
  #seen: SeenTarget | undefined;

  /** `address`: where the broker answers. Throws FILE_UNWRITABLE for a log file. */
  constructor(options: RunOptions, thresholds: readonly Threshold[], address: string, environment: Environment) {
    this.#options = options;
    this.#thresholds = thresholds;
    this.#address = address;
    this.#environment = environment;
    const { host, port, brokerName, brokerVersion } = options;
    this.#target = { host, port, name: brokerName, version: brokerVersion };
    this.#log = new RunLog(logPathOf(options, this.#runId), systemClock);
    void Promise.race([environment.stopRequested, this.#quit.promise]).then(() => {
      this.#isStopped = true;
    });
  }

  /** The user has asked for an end. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  async open(): Promise<void> {
    const { db, store, out } = this.#options;
    this.#seen = await findTarget({
      address: this.#address,
      port: this.#target.port,
      container: this.#options.container,
      env: this.#environment.env,
      clock: systemClock,
      intervalMs: this.#options.statsInterval,
    });
    const { password: _, ...settings } = this.#options;
    this.#log.write("info", "run", { runId: this.#runId, tool: toolVersion, ...this.#machine });
    this.#log.write("debug", "settings", settings);
    this.#log.write("info", "broker", { address: this.#address, port: this.#target.port, seenAs: this.#seen?.what });
    if (out !== undefined) writeFileSync(out, "");
    if (!store) return;
    this.#store = await ResultStore.open(db);
    await this.#store.beginRun(this.#runStart());
  }

  async close(): Promise<void> {
    this.#seen?.stop();
    await this.#store?.close();
  }

  async run(load: Load): Promise<BenchResult> {
    const options = this.#options;
    const store = this.#store;
    const log = this.#log;
    const scenarioId = randomUUID();
    const ids = { scenarioId, runId: this.#runId };
    await store?.beginScenario(this.#scenarioStart(scenarioId, load));
    const watch = this.#seen && new TargetWatch(this.#seen.readUsage);
    const { plan: _plan, ...numbers } = load;
    log.write("info", "scenario", { scenarioId, name: load.plan.name, ...numbers });
    this.#explain(load);
    const view = this.#startView(load, watch);
    const checkpoints = new Checkpoints(store, ids, options.checkpointInterval, () => watch?.take() ?? []);
    const sample = (phase: Progress["phase"], relNs: number) => {
      if (watch?.sample(samplePhases[phase], relNs, hostClock.monotonicNs(), systemClock.nowMs()) !== true) return;
      log.onTargetSample(watch.samples.at(-1)!);
    };
    const observer: BenchObserver = {
      wantsSubscriptions: () => view.wantsSubscriptions?.() ?? false,
      onPhase: (phase: Progress["phase"]) => {
        view.onPhase(phase);
        log.onPhase(phase);
        if (phase === "measure") sample("warm-up", 0); // What was used before the measured time is not its.
      },
      onProgress: (progress: Progress) => {
        view.onProgress(progress);
        log.onProgress(progress);
        sample(progress.phase, progress.interval?.relNs ?? 0);
        if (progress.interval === undefined) return;
        checkpoints.add(progress.interval, progress.totals);
        this.#writeOut({ kind: "interval", scenarioId, ...progress.interval });
      },
    };
    let outcome: BenchOutcome;
    try {
      outcome = await runBench(load.plan, settingsOf(options, this.#address), {
        clock: systemClock,
        host: hostClock,
        runTag: randomBytes(4).readUInt32LE(),
        observer,
        stopRequested: Promise.race([this.#environment.stopRequested, this.#quit.promise]),
      });
    } catch (error) {
      log.write("error", "failed", { reason: (error as Error).message });
      throw error;
    } finally {
      view.stop();
      await checkpoints.settled();
    }
    const result = this.#resultOf(scenarioId, load, outcome, watch);
    log.onResult(result);
    await store?.finish(result, benchProfile);
    this.#writeOut({ kind: "result", ...result });
    return result;
  }

  /** `-v`: what is about to be done. */
  #explain({ plan, publishers, subscribers }: Load): void {
    const { verbosity, stderr } = this.#environment;
    if (verbosity === 0) return;
    const { workers } = settingsOf(this.#options, this.#address);
    const lines = [
      `connects to ${this.#address}:${this.#target.port}: ${publishers} publishers, ${subscribers} subscribers, ${workers} threads each`,
      `${offeredRate(plan)} messages per second for ${plan.durationNs / 1e9} s, after ${plan.warmupNs / 1e9} s of warm-up`,
      `the broker is seen as ${this.#seen?.what ?? "nothing"}`,
      ...(verbosity === 1
        ? []
        : plan.subscriptions.slice(0, 20).map(({ clientIdentifier, filter }) => `${clientIdentifier}: ${filter}`)),
    ];
    stderr.write(lines.map((line) => `${line}\n`).join(""));
  }

  /** The dashboard on a terminal, unless that is not wanted; else lines. */
  #startView(load: Load, watch: TargetWatch | undefined): BenchObserver & { stop(): void } {
    const { stderr, keyboard, env } = this.#environment;
    const { quiet, tui } = this.#options;
    const { name } = load.plan;
    if (quiet || !tui || stderr.terminal === undefined || env["CI"] !== undefined) {
      return new ProgressLine(quiet ? { write: () => undefined } : stderr, name);
    }
    const { host, port, name: broker } = this.#target;
    const dashboard = new BenchDashboard(
      {
        title: name,
        target: broker ?? `${host}:${port}`,
        offeredRate: offeredRate(load.plan),
        thresholds: this.#thresholds,
        isPlain: isPlainTerminal(env),
        clock: systemClock,
        readBroker: () => {
          const last = watch?.samples.at(-1);
          return last === undefined ? undefined : { cores: last.cpuPercent / 100, memoryBytes: last.memoryBytes };
        },
        onQuit: () => this.#quit.resolve(),
      },
      stderr.terminal,
      keyboard,
    );
    this.#environment.onExit(() => dashboard.stop());
    dashboard.start();
    return dashboard;
  }

  #resultOf(scenarioId: string, load: Load, outcome: BenchOutcome, watch: TargetWatch | undefined): BenchResult {
    const { plan, ...numbers } = load;
    const { password: _, ...settings } = this.#options;
    const identity = {
      tool: benchProfile.tool,
      toolVersion,
      runId: this.#runId,
      scenarioId,
      scenario: plan.name,
      startedAt: new Date(outcome.startedAtMs).toISOString(),
      endedAt: new Date(outcome.endedAtMs).toISOString(),
      settings: { ...settings, ...numbers },
      environment: this.#machine,
      target: this.#target,
    };
    const accounts: readonly ReceivedAccount[] = outcome.groups.map((group) => ({
      ...group,
      expected: expectedOf([group], outcome.senders, plan.presence),
    }));
    const measured = {
      ...outcome,
      accounts,
      unsent: outcome.senders.reduce((sum, { unsent }) => sum + unsent, 0),
      offeredRate: offeredRate(plan),
      ...(watch === undefined ? {} : { target: { what: this.#seen!.what, samples: watch.samples } }),
      isStamped: plan.flows.every(({ payloads }) => payloads.every(isStampedPayload)),
    };
    return resultOf(identity, measured, this.#thresholds);
  }

  #runStart() {
    const { notes } = this.#options;
    const container = this.#seen?.container;
    const { host, port, name, version } = this.#target;
    const { hostname: machine, cores, memoryBytes } = this.#machine;
    return {
      tool: benchProfile.tool,
      runId: this.#runId,
      startedAt: new Date(systemClock.nowMs()).toISOString(),
      host,
      port,
      brokerName: name,
      brokerVersion: version,
      containerId: container?.id,
      containerName: container?.name,
      hostname: machine,
      cores,
      memoryBytes,
      gitCommit: undefined,
      notes,
    };
  }

  #scenarioStart(scenarioId: string, { plan, ...numbers }: Load) {
    const { name, flows, warmupNs, durationNs } = plan;
    return {
      scenarioId,
      runId: this.#runId,
      startedAt: new Date(systemClock.nowMs()).toISOString(),
      name,
      ...numbers,
      payloadSize: flows[0]?.payloads[0]?.length ?? 0,
      warmupNs,
      durationNs,
    };
  }

  #writeOut(line: object): void {
    if (this.#options.out !== undefined) appendFileSync(this.#options.out, `${JSON.stringify(line)}\n`);
  }
}

function latch(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve };
}
