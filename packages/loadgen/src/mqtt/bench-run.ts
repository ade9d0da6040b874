/**
 * One run, from the first connection to the accounts.
 *
 *     connect ─▶ settle ─▶ warm-up ─▶ measure ─▶ flush ─▶ drain ─▶ accounts
 *
 * connect   subscribers first; publishers only when every subscription stands
 * warm-up   messages due in it are sent and received, and not counted
 * flush     what was due and could not be sent yet is sent, for `timeoutMs` at most
 * drain     subscribers stay until everything expected has come, or nothing has for `idleMs`, or `timeoutMs` is over
 *
 * A run that is stopped goes on with flush and drain, and its result says that it is partial.
 */

import { availableParallelism } from "node:os";
import type { Clock, HostClock } from "@polylog/base/clock";
import { loadgenErrors } from "../errors.ts";
import { unpacedUnderWayMax } from "../limits.ts";
import type { ErrorCount } from "../measure/counters.ts";
import type { GeneratorSample } from "../measure/health.ts";
import { IntervalLog } from "../measure/interval-log.ts";
import { coarseCells, type Interval, summarize } from "../measure/result.ts";
import { ArrivalBoard } from "./arrival-board.ts";
import { BenchTotals } from "./bench-measures.ts";
import type { Drain } from "./bench-result.ts";
import type { LinkSettings } from "./client-link.ts";
import { type BenchPlan, divide, type FlowPlan, type ReceiverGroup, receiverGroups } from "./plan.ts";
import { isStampedPayload } from "./shape-plan.ts";
import type { GroupResult, SenderResult, SubscriptionCounts, WorkerSetup } from "./worker-messages.ts";
import { WorkerThread } from "./worker-thread.ts";

export interface BenchSettings {
  readonly link: LinkSettings;
  readonly inflightMax: number;
  readonly connectRate: number;
  /** Threads for publishers, and as many for subscribers. */
  readonly workers: number;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly lateAfterNs: number;
}

interface Collected {
  readonly backlog: number;
  readonly open: number;
  readonly sample: GeneratorSample;
  readonly subscriptions: readonly SubscriptionCounts[];
}

type Common = Pick<WorkerSetup, "link" | "terms" | "board">;

export type Phase = "connect" | "warm-up" | "measure" | "drain" | "done";

export interface BenchObserver {
  onPhase(phase: Phase): void;
  /** About once per `intervalMs`. `interval` is of the measured time; undefined before it. */
  onProgress(progress: Progress): void;
  /** Whether the next progress is to say what has come at each subscription. */
  wantsSubscriptions?(): boolean;
}

export interface Progress {
  readonly phase: Phase;
  /** Part of the phase that is over, 0 to 1. */
  readonly share: number;
  readonly totals: BenchTotals;
  readonly interval: Interval | undefined;
  /** Messages per second since the last progress, warm-up included. */
  readonly sentRate: number;
  readonly receivedRate: number;
  readonly open: number;
  /** Of the measured time until now, when the observer wants them. */
  readonly subscriptions?: readonly SubscriptionCounts[];
}

export interface BenchOutcome {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly measuredNs: number;
  readonly connectNs: number;
  readonly drain?: Drain;
  readonly isPartial: boolean;
  readonly totals: BenchTotals;
  readonly intervals: readonly Interval[];
  readonly samples: readonly GeneratorSample[];
  readonly senders: readonly SenderResult[];
  readonly groups: readonly GroupResult[];
  readonly errors: readonly ErrorCount[];
}

export interface BenchContext {
  readonly clock: Clock;
  readonly host: HostClock;
  /** 32 random bits. */
  readonly runTag: number;
  readonly observer: BenchObserver;
  /** Ends the run early: resolves when the user wants that. */
  readonly stopRequested: Promise<unknown>;
}

const settleMs = 500;
const idleMs = 3000;
const drainPollMs = 50;
/** How soon a wish to end is noticed. */
const stopPollMs = 100;
/** Where how long it takes is what is measured. */
const drainPollMsExact = 5;
/** After everything expected has come: time for what should not come. */
const lingerMs = 200;
/** Of sessions that stay: a run that dies leaves them behind no longer. */
const sessionExpirySeconds = 3600;
const startDelayNs = 20e6;

/** Rejects with BROKER_UNREACHABLE, BROKER_REFUSED, SCENARIO_FAILED. */
export async function runBench(plan: BenchPlan, settings: BenchSettings, context: BenchContext): Promise<BenchOutcome> {
  const run = new BenchRun(plan, settings, context);
  try {
    return await run.run();
  } finally {
    await run.destroy();
  }
}

class BenchRun {
  readonly #plan: BenchPlan;
  readonly #settings: BenchSettings;
  readonly #context: BenchContext;
  readonly #groups: readonly ReceiverGroup[];
  readonly #publishers: readonly WorkerThread[];
  readonly #subscribers: readonly WorkerThread[];
  readonly #totals = new BenchTotals();
  readonly #intervals = new IntervalLog();
  readonly #samples: GeneratorSample[] = [];
  #isStopped = false;
  #phase: Phase = "connect";
  #measuredFromNs = 0;
  #cpu = process.cpuUsage();
  #cpuTakenNs: number;
  #sampledNs: number;
  #sentAll = 0;
  #receivedAll = 0;
  #sinceInterval = new BenchTotals();
  #open = 0;
  #isDone = false;
  #cuts = 0;

  constructor(plan: BenchPlan, settings: BenchSettings, context: BenchContext) {
    this.#plan = plan;
    this.#settings = settings;
    this.#context = context;
    this.#groups = receiverGroups(plan);
    this.#sampledNs = context.host.monotonicNs();
    this.#cpuTakenNs = this.#sampledNs;
    void context.stopRequested.then(() => {
      this.#isStopped = true;
    });
    const wallOffsetNs = BigInt(Math.round(context.clock.nowMs() * 1e6)) - BigInt(context.host.monotonicNs());
    const board = boardOf(plan, this.#groups);
    const common = { link: settings.link, terms: { runTag: context.runTag, wallOffsetNs }, ...(board && { board }) };
    this.#subscribers = this.#subscriberSetups(common).map((setup) => new WorkerThread(setup));
    this.#publishers = this.#publisherSetups(common).map((setup) => new WorkerThread(setup));
  }

  async run(): Promise<BenchOutcome> {
    const startedAtMs = this.#context.clock.nowMs();
    this.#enter("connect");
    await Promise.all(this.#all.map((each) => each.next("loaded")));
    const connectingNs = this.#context.host.monotonicNs();
    const { presence = "live" } = this.#plan;
    if (presence !== "retained") await this.#connect(this.#subscribers);
    await this.#connect(this.#publishers);
    const connectNs = this.#context.host.monotonicNs() - connectingNs;
    if (presence === "backlog") for (const each of this.#subscribers) each.send({ kind: "leave" });
    await this.#sleep(settleMs);
    const measuredNs = await this.#publish();
    const senders = await this.#flush();
    const expected = expectedOf(this.#groups, senders, presence);
    const drainFromNs = this.#context.host.monotonicNs();
    if (presence !== "live") for (const each of this.#subscribers) each.send({ kind: "connect" });
    const drainedNs = (await this.#drain(expected, presence === "live" ? drainPollMs : drainPollMsExact)) - drainFromNs;
    const groups = (await Promise.all(this.#all.map((each) => each.ask({ kind: "finish" }, "finished")))).flatMap(
      (answer) => answer.groups,
    );
    this.#enter("done");
    return {
      startedAtMs,
      endedAtMs: this.#context.clock.nowMs(),
      measuredNs,
      connectNs,
      ...(presence === "live" ? {} : { drain: { messages: this.#totals.counters.received, ns: drainedNs } }),
      isPartial: this.#isStopped,
      totals: this.#totals,
      intervals: this.#intervals.intervals,
      samples: this.#samples,
      senders,
      groups,
      errors: this.#totals.errors.list(),
    };
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#all.map((each) => each.destroy()));
  }

  get #all(): readonly WorkerThread[] {
    return [...this.#subscribers, ...this.#publishers];
  }

  // --- connecting ---------------------------------------------------------------------------------------------------

  #subscriberSetups(common: Common): readonly WorkerSetup[] {
    const { subscriptions } = this.#plan;
    const { workers, connectRate, lateAfterNs } = this.#settings;
    const parts = divide(this.#groups, workers);
    return parts.map((groups) => {
      const members = new Set(groups.flatMap((group) => group.members));
      const own = subscriptions.filter(({ index }) => members.has(index));
      const subscribe = { subscriptions: own, groups, lateAfterNs };
      const stays = { isCleanStart: false, sessionExpirySeconds };
      const link = this.#plan.presence === "backlog" ? { ...common.link, ...stays } : common.link;
      return { ...common, link, connectRate: share(connectRate, own.length, subscriptions.length), subscribe };
    });
  }

  #publisherSetups(common: Common): readonly WorkerSetup[] {
    const { workers, connectRate, inflightMax } = this.#settings;
    const { flows } = this.#plan;
    const flowSizes = flows.map(({ publishers }) => publishers.length);
    const places = flows.flatMap((flow, index) => flow.publishers.map((publisher) => ({ index, publisher })));
    return divide(places, workers).map((own) => {
      const ownFlows: FlowPlan[] = [];
      const ownSizes: number[] = [];
      for (const [index, flow] of flows.entries()) {
        const publishers = own.filter((each) => each.index === index).map(({ publisher }) => publisher);
        if (publishers.length === 0) continue;
        ownFlows.push({ ...flow, publishers });
        ownSizes.push(flowSizes[index]!);
      }
      const underWayMax = Math.max(inflightMax, Math.ceil(unpacedUnderWayMax / places.length));
      const publish = { flows: ownFlows, flowSizes: ownSizes, inflightMax, underWayMax };
      return { ...common, connectRate: share(connectRate, own.length, places.length), publish };
    });
  }

  async #connect(workers: readonly WorkerThread[]): Promise<void> {
    const answers = workers.map((each) => each.ask({ kind: "connect" }, "connected"));
    const all = Promise.all(answers);
    const isConnected = await this.#untilOrStopped(all);
    const { open } = await this.#collect();
    if (!isConnected && !this.#isStopped) {
      throw loadgenErrors.SCENARIO_FAILED({ reason: `only ${open} connections stood when the time for that was over` });
    }
    if (!isConnected) throw loadgenErrors.SCENARIO_FAILED({ reason: "it was stopped while connecting" });
    const { host, port } = this.#settings.link.dial;
    const address = `${host}:${port}`;
    const first = (await all).find(({ failed }) => failed > 0);
    if (first === undefined) return;
    const reason = first.problem ?? "unknown";
    if (first.isRefused === true) throw loadgenErrors.BROKER_REFUSED({ address, reason });
    throw loadgenErrors.BROKER_UNREACHABLE({ address, reason });
  }

  /** True: `work` is done; false: the run is stopped, or has waited for twice the time that one client has to connect. */
  async #untilOrStopped(work: Promise<unknown>): Promise<boolean> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    const { clock } = this.#context;
    const { connectRate, link } = this.#settings;
    const clients =
      this.#plan.subscriptions.length + this.#plan.flows.reduce((sum, flow) => sum + flow.publishers.length, 0);
    const paceMs = connectRate === 0 ? 0 : (clients / connectRate) * 1000;
    const deadlineMs = clock.monotonicMs() + 2 * link.connectTimeoutMs + paceMs;
    while (!isOver && !this.#isStopped && clock.monotonicMs() < deadlineMs) {
      await Promise.race([work, this.#sleep(drainPollMs)]);
    }
    return isOver;
  }

  // --- publishing ---------------------------------------------------------------------------------------------------

  /** Resolves with the length of the measured time when the last message has become due. */
  async #publish(): Promise<number> {
    const { host, observer } = this.#context;
    const { warmupNs, durationNs } = this.#plan;
    const startNs = host.monotonicNs() + startDelayNs;
    this.#measuredFromNs = startNs + warmupNs;
    const endNs = this.#measuredFromNs + durationNs;
    for (const each of this.#all) each.send({ kind: "start", startNs, warmupNs, durationNs });
    const intervalNs = this.#settings.intervalMs * 1e6;
    for (let tick = 1; !this.#isStopped; tick++) {
      const isWarm = warmupNs === 0 || host.monotonicNs() >= this.#measuredFromNs;
      if (isWarm && this.#phase !== "measure") this.#enter("measure");
      else if (!isWarm && this.#phase !== "warm-up") this.#enter("warm-up");
      const nextNs = Math.min(endNs, startNs + tick * intervalNs);
      await this.#sleepUntil(nextNs);
      const nowNs = host.monotonicNs();
      this.#cut(nowNs);
      const isMeasured = nowNs > this.#measuredFromNs + intervalNs / 10;
      const progress = await this.#progress(isMeasured);
      const since = isMeasured ? nowNs - this.#measuredFromNs : nowNs - startNs;
      observer.onProgress({ ...progress, share: Math.min(1, since / (isMeasured ? durationNs : warmupNs)) });
      if (nowNs >= endNs) break;
    }
    if (this.#isStopped) for (const each of this.#publishers) each.send({ kind: "stop" });
    return Math.max(0, Math.min(durationNs, host.monotonicNs() - this.#measuredFromNs));
  }

  /** Cuts all connections when it is time, and never in the last part, so that what was lost is known by the end. */
  #cut(nowNs: number): void {
    const { cutEveryNs, durationNs } = this.#plan;
    if (cutEveryNs === undefined) return;
    const due = Math.min(
      Math.floor((nowNs - this.#measuredFromNs) / cutEveryNs),
      Math.ceil(durationNs / cutEveryNs) - 1,
    );
    if (due <= this.#cuts) return;
    this.#cuts = due;
    for (const each of this.#all) each.send({ kind: "cut" });
  }

  async #progress(isMeasured: boolean): Promise<Progress> {
    const { host, clock } = this.#context;
    const withSubscriptions = this.#context.observer.wantsSubscriptions?.() ?? false;
    const { backlog, sample, subscriptions } = await this.#collect(withSubscriptions);
    const nowNs = host.monotonicNs();
    const seconds = Math.max(1e-3, (nowNs - this.#sampledNs) / 1e9);
    this.#sampledNs = nowNs;
    const { sentAll, receivedAll } = this.#totals.counters;
    const sentRate = (sentAll - this.#sentAll) / seconds;
    const receivedRate = (receivedAll - this.#receivedAll) / seconds;
    this.#sentAll = sentAll;
    this.#receivedAll = receivedAll;
    let interval: Interval | undefined;
    if (isMeasured) {
      interval = intervalOf(
        this.#sinceInterval,
        nowNs - this.#measuredFromNs,
        clock.nowMs(),
        sample,
        this.#open,
        backlog,
      );
      this.#intervals.add(interval);
      this.#samples.push(sample);
    }
    this.#sinceInterval = new BenchTotals();
    const [phase, totals, open] = [this.#phase, this.#totals, this.#open];
    const extra = withSubscriptions ? { subscriptions } : {};
    return { phase, share: 0, totals, interval, sentRate, receivedRate, open, ...extra };
  }

  /** Takes the reports of all threads. */
  async #collect(withSubscriptions = false): Promise<Collected> {
    const beforeNs = this.#cpuTakenNs;
    const answers = await Promise.all(
      this.#all.map((each) => each.ask({ kind: "report", withSubscriptions }, "report")),
    );
    for (const { report } of answers) {
      this.#totals.add(report);
      this.#sinceInterval.add(report);
    }
    this.#open = answers.reduce((sum, { open }) => sum + open, 0);
    this.#isDone = answers.slice(this.#subscribers.length).every(({ isDone }) => isDone);
    const cpu = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    this.#cpuTakenNs = this.#context.host.monotonicNs();
    const elapsedUs = Math.max(1, (this.#cpuTakenNs - beforeNs) / 1000);
    const sample = {
      cpuCores: Math.min(availableParallelism(), (cpu.user + cpu.system) / elapsedUs),
      loopDelayP99Ns: Math.max(...answers.map(({ loopDelay }) => loopDelay.p99Ns)),
      loopDelayMaxNs: Math.max(...answers.map(({ loopDelay }) => loopDelay.maxNs)),
      memoryBytes: process.memoryUsage.rss(),
    };
    const subscriptions = answers.flatMap((answer) => answer.subscriptions ?? []);
    return { backlog: answers.reduce((sum, { backlog }) => sum + backlog, 0), open: this.#open, sample, subscriptions };
  }

  // --- draining -----------------------------------------------------------------------------------------------------

  /** Until everything that became due was sent and acknowledged, or the time for that is over. */
  async #flush(): Promise<readonly SenderResult[]> {
    const { clock } = this.#context;
    this.#enter("drain");
    const startedMs = clock.monotonicMs();
    await this.#collect();
    while (!this.#isDone && clock.monotonicMs() - startedMs <= this.#settings.timeoutMs) {
      await this.#sleep(drainPollMs);
      await this.#collect();
    }
    const answers = await Promise.all(this.#publishers.map((each) => each.ask({ kind: "abandon" }, "senders")));
    return answers.flatMap((answer) => answer.senders);
  }

  /** Until everything expected has come, nothing more does, or the time for that is over; when that was. */
  async #drain(expected: number, pollMs: number): Promise<number> {
    const { host, observer } = this.#context;
    const startedNs = host.monotonicNs();
    let received = this.#totals.counters.received;
    let changedNs = startedNs;
    for (;;) {
      await this.#collect();
      const now = this.#totals.counters.received;
      const nowNs = host.monotonicNs();
      if (now !== received) changedNs = nowNs;
      received = now;
      const isOver = nowNs - startedNs > this.#settings.timeoutMs * 1e6 || nowNs - changedNs > idleMs * 1e6;
      if (received >= expected || isOver) break;
      const share = expected === 0 ? 1 : received / expected;
      observer.onProgress({ ...(await this.#progress(false)), share });
      await this.#sleep(pollMs);
    }
    await this.#sleep(lingerMs);
    await this.#collect();
    return changedNs;
  }

  // --- time ---------------------------------------------------------------------------------------------------------

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#context.observer.onPhase(phase);
  }

  async #sleepUntil(ns: number): Promise<void> {
    for (;;) {
      const leftMs = (ns - this.#context.host.monotonicNs()) / 1e6;
      if (leftMs <= 0 || this.#isStopped) return;
      await this.#sleep(Math.min(leftMs, stopPollMs));
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#context.clock.setTimer(resolve, ms);
    });
  }
}

/** A part of a rate, in the proportion of what it is for. 0 stays 0: no limit. */
function share(rate: number, part: number, whole: number): number {
  return rate === 0 ? 0 : Math.max(0.1, (rate * part) / whole);
}

/** What threads share where subscribers are there: of messages that arrive more than once, or that nothing else paces. */
function boardOf({ flows, presence = "live" }: BenchPlan, groups: readonly ReceiverGroup[]): WorkerSetup["board"] {
  if (presence !== "live") return undefined;
  const copies: number[] = flows.flatMap(({ publishers }) => publishers.map(() => 0));
  for (const group of groups) for (const sender of group.senders) copies[sender]!++;
  // What is too short for a stamp does not say whose it is.
  if (!flows.every(({ payloads }) => payloads.every(isStampedPayload))) return undefined;
  const isUnpaced = flows.some(({ rate, stages, isIdle }) => rate === 0 && stages.length === 0 && isIdle !== true);
  if (!isUnpaced && !copies.some((each) => each > 1)) return undefined;
  return { buffer: ArrivalBoard.create(copies).buffer, senders: copies.length };
}

/** Messages of the measured time that all groups together ought to receive. */
export function expectedOf(
  groups: readonly { readonly senders: readonly number[] }[],
  senders: readonly SenderResult[],
  presence: BenchPlan["presence"] = "live",
): number {
  const sent: number[] = [];
  for (const each of senders) sent[each.sender] = presence === "retained" ? Math.min(1, each.sent) : each.sent;
  let expected = 0;
  for (const group of groups) for (const sender of group.senders) expected += sent[sender] ?? 0;
  return expected;
}

function intervalOf(
  { counters, histograms }: BenchTotals,
  relNs: number,
  atMs: number,
  generator: GeneratorSample,
  open: number,
  backlog: number,
): Interval {
  const { count } = histograms.endToEnd;
  const intended = summarize(count > 0 ? histograms.endToEnd : histograms.endToEndActual);
  return {
    relNs: Math.round(relNs),
    atMs,
    sent: counters.sent,
    received: counters.received,
    acked: counters.acked,
    errors: counters.errors,
    p50Ns: intended.p50Ns,
    p95Ns: intended.p95Ns,
    p99Ns: intended.p99Ns,
    p99ActualNs: histograms.endToEndActual.quantileNs(0.99),
    meanNs: intended.meanNs,
    sendLagP99Ns: histograms.sendLag.quantileNs(0.99),
    open,
    backlog,
    generator,
    cells: coarseCells(histograms.endToEnd.snapshot()),
  };
}
