/**
 * A thread of the generator: publishers or subscribers, and what they measure. The main thread says when, see
 * `worker-messages.ts`; this file is where the thread begins.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { hostClock, systemClock } from "@polylog/base/clock";
import { TurnFlusher } from "@polylog/base/transport";
import { StampReader } from "../measure/stamp.ts";
import { ArrivalBoard } from "./arrival-board.ts";
import { BenchRecorder } from "./bench-measures.ts";
import type { ClientLink, LinkContext } from "./client-link.ts";
import { netDial } from "./dial.ts";
import { PublishLoop } from "./publish-loop.ts";
import { Account, Subscriber } from "./subscriber.ts";
import type { FromWorker, SubscriptionCounts, ToWorker, WorkerSetup } from "./worker-messages.ts";

const paceMs = 10;
/** How long the end of sessions is waited for, in milliseconds. */
const forgetMs = 5000;

class BenchWorker {
  readonly #port: MessagePort;
  readonly #setup: WorkerSetup;
  readonly #context: LinkContext;
  readonly #loop: PublishLoop;
  readonly #accounts: readonly Account[];
  readonly #subscribers: readonly Subscriber[];
  readonly #links: readonly ClientLink[];
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 5 });
  #begun = 0;
  #settled = 0;
  #failed = 0;
  #problem: { readonly problem: string; readonly isRefused: boolean } | undefined;

  constructor(port: MessagePort, setup: WorkerSetup) {
    this.#port = port;
    this.#setup = setup;
    this.#context = {
      settings: setup.link,
      clock: systemClock,
      host: hostClock,
      flusher: new TurnFlusher(systemClock),
      dial: netDial,
      recorder: new BenchRecorder(),
    };
    const onConnected = (_: unknown, problem: string | undefined, isRefused: boolean) =>
      this.#onConnected(problem, isRefused);
    const board = setup.board && new ArrivalBoard(setup.board.buffer, setup.board.senders);
    this.#loop = new PublishLoop(this.#context, setup, { onConnected }, board);
    const { subscriptions = [], groups = [], lateAfterNs = Infinity } = setup.subscribe ?? {};
    this.#accounts = groups.map((group) => new Account(group));
    const accountOf = new Map(
      this.#accounts.flatMap((account) => account.group.members.map((each) => [each, account])),
    );
    const stamp = new StampReader(setup.terms);
    this.#subscribers = subscriptions.map(
      (plan) =>
        new Subscriber(this.#context, plan, accountOf.get(plan.index)!, stamp, lateAfterNs, { onConnected }, board),
    );
    this.#links = [...this.#subscribers.map(({ link }) => link), ...this.#loop.publishers.map(({ link }) => link)];
    this.#keepAlive();
    this.#post({ kind: "loaded" });
  }

  take(message: ToWorker): void {
    switch (message.kind) {
      case "connect":
        this.#connect(systemClock.monotonicMs());
        break;
      case "start":
        this.#loopDelay.enable();
        this.#loop.start(message);
        break;
      case "report":
        this.#report(message.withSubscriptions === true);
        break;
      case "leave":
        for (const subscriber of this.#subscribers) subscriber.leave();
        this.#begun = 0;
        this.#settled = 0;
        break;
      case "cut":
        for (const link of this.#links) link.cut();
        break;
      case "stop":
        this.#loop.stop();
        break;
      case "abandon":
        this.#abandon();
        break;
      case "finish":
        this.#finish();
    }
  }

  #connect(startedMs: number): void {
    const { connectRate } = this.#setup;
    const passedSeconds = (systemClock.monotonicMs() - startedMs) / 1000;
    const wanted = connectRate === 0 ? Infinity : 1 + Math.floor(passedSeconds * connectRate);
    while (this.#begun < Math.min(wanted, this.#links.length)) this.#links[this.#begun++]!.open();
    if (this.#begun < this.#links.length) systemClock.setTimer(() => this.#connect(startedMs), paceMs);
  }

  #onConnected(problem: string | undefined, isRefused: boolean): void {
    this.#settled++;
    if (problem !== undefined) {
      this.#failed++;
      this.#problem ??= { problem, isRefused };
    }
    if (this.#settled === this.#links.length) {
      this.#post({ kind: "connected", failed: this.#failed, ...this.#problem });
    }
  }

  #report(withSubscriptions: boolean): void {
    const { backlog, isDone } = this.#loop;
    const loopDelay = { p99Ns: this.#loopDelay.percentile(99), maxNs: this.#loopDelay.max };
    this.#loopDelay.reset();
    const open = this.#links.filter(({ status }) => status === "open").length;
    const extra = withSubscriptions ? { subscriptions: this.#subscriptionCounts() } : {};
    this.#post({ kind: "report", report: this.#context.recorder.take(), open, backlog, isDone, loopDelay, ...extra });
  }

  #subscriptionCounts(): readonly SubscriptionCounts[] {
    return this.#accounts.filter(({ isCounted }) => isCounted).map((account) => account.counts());
  }

  #abandon(): void {
    this.#loop.abandon();
    this.#post({ kind: "senders", senders: this.#loop.publishers.map((publisher) => publisher.result()) });
  }

  #finish(): void {
    const groups = this.#accounts.filter(({ isCounted }) => isCounted).map((account) => account.result());
    const answer = () => this.#post({ kind: "finished", groups });
    for (const publisher of this.#loop.publishers) publisher.clearRetained();
    if (this.#setup.link.isCleanStart) {
      for (const link of this.#links) link.close();
      answer();
    } else this.#forgetSessions(answer);
  }

  /** Sessions that stay would be left behind in somebody's broker. */
  #forgetSessions(answer: () => void): void {
    let left = this.#links.length;
    const timer = systemClock.setTimer(() => {
      left = 0;
      answer();
    }, forgetMs);
    for (const link of this.#links) {
      link.forget(() => {
        if (--left !== 0) return;
        systemClock.clearTimer(timer);
        answer();
      });
    }
  }

  #keepAlive(): void {
    const nowMs = systemClock.monotonicMs();
    for (const link of this.#links) link.keepAlive(nowMs);
    systemClock.setTimer(() => this.#keepAlive(), 1000);
  }

  #post(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}

if (parentPort !== null) {
  const worker = new BenchWorker(parentPort, workerData as WorkerSetup);
  parentPort.on("message", (message: ToWorker) => worker.take(message));
}
