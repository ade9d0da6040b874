/**
 * Sends what is due, for all publishers of one thread. In each turn: what was kept back and has room now, then what has
 * become due; then one write per connection. Between turns it sleeps, as long as nothing is due:
 *
 *     more than 2 ms    a timer; answers are read at once
 *     less              the thread pauses, at most 500 µs, or 50 µs while acknowledgements are awaited
 *
 * so that a message leaves within some 100 µs of its time without a core that spins, and an acknowledgement is read at
 * most 50 µs (and what the system adds) after it came.
 *
 * A flow without a rate has no schedule: each publisher sends while its connection has room and, at QoS 0 too, no more than
 * so many messages are under way; a message is due when it is sent. Then latency says what a full broker does, and nothing of
 * what it would do at a given rate.
 */

import type { HostClock, Timer } from "@polylog/base/clock";
import { messagesPerTurnMax } from "../limits.ts";
import { Schedule } from "../measure/schedule.ts";
import { StampWriter } from "../measure/stamp.ts";
import type { ArrivalBoard } from "./arrival-board.ts";
import type { LinkContext } from "./client-link.ts";
import type { FlowPlan } from "./plan.ts";
import { Publisher, type PublisherOwner } from "./publisher.ts";
import type { WorkerSetup } from "./worker-messages.ts";

const timerFromNs = 2e6;
const pauseNsMax = 500_000;
const pauseNsMaxAwaiting = 50_000;
/** How soon publishers without a rate look whether what is under way has arrived. */
const unpacedPollMs = 1;
/** Messages that a publisher without a rate sends in a row. */
const burstMax = 256;

interface Flow {
  readonly plan: FlowPlan;
  readonly publishers: readonly Publisher[];
  /** Publishers in all threads. */
  readonly size: number;
  schedule: Schedule | undefined;
  /** The next message to become due: of the publisher at `cursor`, in round `round`. */
  round: number;
  cursor: number;
  nextDueNs: number;
}

export interface LoopStart {
  readonly startNs: number;
  readonly warmupNs: number;
  readonly durationNs: number;
}

export class PublishLoop {
  readonly publishers: readonly Publisher[];
  readonly #context: LinkContext;
  readonly #host: HostClock;
  readonly #stamp: StampWriter;
  readonly #flows: readonly Flow[];
  readonly #flowOf = new Map<Publisher, Flow>();
  #waiting: Publisher[] = [];
  #start: LoopStart | undefined;
  #isStopped = false;
  #isScheduled = false;
  #timer: Timer | undefined;
  #sentThisTurn = 0;
  readonly #touched: Publisher[] = [];
  readonly #tick = () => this.#runTurn();

  constructor(
    context: LinkContext,
    setup: WorkerSetup,
    owner: Pick<PublisherOwner, "onConnected">,
    board?: ArrivalBoard,
  ) {
    this.#context = context;
    this.#host = context.host;
    this.#stamp = new StampWriter(setup.terms);
    const { flows = [], flowSizes = [], inflightMax = 1, underWayMax = 1 } = setup.publish ?? {};
    const publisherOwner: PublisherOwner = {
      onConnected: (publisher, problem, isRefused) => owner.onConnected(publisher, problem, isRefused),
      onRoom: (publisher) => this.#onRoom(publisher),
    };
    this.#flows = flows.map((plan, index) => {
      const isUnpaced = plan.rate === 0 && plan.stages.length === 0;
      const bound = board !== undefined && isUnpaced && plan.qos === 0 ? { board, underWayMax } : undefined;
      const publishers = plan.publishers.map(
        (each) => new Publisher(context, this.#stamp, plan, each, inflightMax, publisherOwner, bound),
      );
      return {
        plan,
        publishers,
        size: flowSizes[index]!,
        schedule: undefined,
        round: 0,
        cursor: 0,
        nextDueNs: Infinity,
      };
    });
    for (const flow of this.#flows) for (const publisher of flow.publishers) this.#flowOf.set(publisher, flow);
    this.publishers = this.#flows.flatMap(({ publishers }) => publishers);
  }

  start(start: LoopStart): void {
    this.#start = start;
    if (this.#flows.every(({ plan }) => plan.isIdle === true)) return; // A thread of subscribers has other things to do.
    for (const flow of this.#flows) {
      const { rate, stages, isIdle } = flow.plan;
      if (isIdle === true) continue;
      if (rate === 0 && stages.length === 0) continue;
      const all = stages.map(({ durationNs, rateEnd }) => ({ durationNs, rateEnd: rateEnd * flow.size }));
      const left = start.durationNs - all.reduce((sum, { durationNs }) => sum + durationNs, 0);
      const last = all.at(-1)?.rateEnd ?? rate * flow.size;
      const warmup = { durationNs: start.warmupNs, rateEnd: rate * flow.size };
      flow.schedule = new Schedule(rate * flow.size, [
        warmup,
        ...all,
        { durationNs: Math.max(0, left), rateEnd: last },
      ]);
      flow.nextDueNs = start.startNs + flow.schedule.dueNs(flow.publishers[0]!.place);
    }
    this.#tick();
  }

  /** Nothing more becomes due. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Forgets what is due and unsent. */
  abandon(): void {
    this.#isStopped = true;
    this.#waiting = [];
    for (const publisher of this.publishers) publisher.due = publisher.sent;
  }

  get backlog(): number {
    return this.publishers.reduce((sum, { backlog }) => sum + backlog, 0);
  }

  /** Everything that became due was sent and, at QoS 1 and 2, acknowledged; nothing more will be. */
  get isDone(): boolean {
    if (this.#start === undefined || !this.#isOver(this.#host.monotonicNs())) return false;
    if (!this.#isStopped && this.#flows.some(({ nextDueNs }) => nextDueNs !== Infinity)) return false;
    return this.publishers.every(({ backlog, inflight }) => backlog === 0 && inflight === 0);
  }

  #isOver(nowNs: number): boolean {
    const { startNs, warmupNs, durationNs } = this.#start!;
    return this.#isStopped || nowNs >= startNs + warmupNs + durationNs;
  }

  #runTurn(): void {
    this.#isScheduled = false;
    let nowNs = this.#host.monotonicNs();
    this.#stamp.setNow(nowNs);
    this.#sentThisTurn = 0;
    if (this.#waiting.length > 0) this.#retryWaiting(nowNs);
    let nextDueNs = Infinity;
    if (!this.#isStopped) {
      for (const flow of this.#flows) {
        if (flow.plan.isIdle === true) continue;
        if (flow.schedule === undefined) this.#runUnpaced(flow, nowNs);
        else this.#runPaced(flow, nowNs);
        nextDueNs = Math.min(nextDueNs, flow.nextDueNs);
      }
    }
    this.#flush();
    nowNs = this.#host.monotonicNs();
    if (this.#isOver(nowNs) && this.#waiting.length === 0 && nextDueNs === Infinity) return;
    this.#sleep(nextDueNs - nowNs);
  }

  #runPaced(flow: Flow, nowNs: number): void {
    const schedule = flow.schedule!;
    const { startNs, warmupNs } = this.#start!;
    const measuredFromNs = startNs + warmupNs;
    const { generatorLag } = this.#context.recorder.histograms;
    while (flow.nextDueNs <= nowNs && this.#sentThisTurn < messagesPerTurnMax) {
      const publisher = flow.publishers[flow.cursor]!;
      const dueNs = flow.nextDueNs;
      const isMeasured = dueNs >= measuredFromNs;
      publisher.due++;
      if (isMeasured) {
        publisher.measuredDue++;
        generatorLag.record(nowNs - dueNs);
      }
      const { connection } = publisher.link;
      if (publisher.backlog === 1 && publisher.hasRoom(connection)) {
        publisher.send(connection, dueNs, nowNs, isMeasured);
        this.#touched.push(publisher);
      } else this.#keepWaiting(publisher);
      this.#sentThisTurn++;
      if (++flow.cursor === flow.publishers.length) {
        flow.cursor = 0;
        flow.round++;
      }
      const next = flow.publishers[flow.cursor]!;
      flow.nextDueNs = startNs + schedule.dueNs(flow.round * flow.size + next.place);
    }
  }

  #runUnpaced(flow: Flow, nowNs: number): void {
    if (this.#isOver(nowNs)) return;
    const { startNs, warmupNs } = this.#start!;
    const isMeasured = nowNs >= startNs + warmupNs;
    for (const publisher of flow.publishers) {
      const { connection } = publisher.link;
      publisher.giveUpOverdue(nowNs);
      for (let i = 0; i < burstMax && publisher.hasRoom(connection); i++) {
        publisher.due++;
        if (isMeasured) publisher.measuredDue++;
        publisher.send(connection, nowNs, nowNs, isMeasured);
        this.#sentThisTurn++;
      }
      if (connection !== undefined) this.#touched.push(publisher);
    }
  }

  #retryWaiting(nowNs: number): void {
    const waiting = this.#waiting;
    let kept = 0;
    for (let i = 0; i < waiting.length; i++) {
      const publisher = waiting[i]!;
      this.#sendBacklog(publisher, nowNs);
      if (publisher.backlog === 0) publisher.isWaiting = false;
      else waiting[kept++] = publisher;
    }
    waiting.length = kept;
  }

  #sendBacklog(publisher: Publisher, nowNs: number): void {
    const { connection } = publisher.link;
    const flow = this.#flowOf.get(publisher)!;
    const { startNs, warmupNs } = this.#start!;
    let sent = 0;
    while (publisher.backlog > 0 && this.#sentThisTurn < messagesPerTurnMax && publisher.hasRoom(connection)) {
      const dueNs = startNs + flow.schedule!.dueNs(publisher.sent * flow.size + publisher.place);
      publisher.send(connection, dueNs, nowNs, dueNs >= startNs + warmupNs);
      this.#sentThisTurn++;
      sent++;
    }
    if (sent > 0) this.#touched.push(publisher);
  }

  #keepWaiting(publisher: Publisher): void {
    if (publisher.isWaiting) return;
    publisher.isWaiting = true;
    this.#waiting.push(publisher);
  }

  /** One write per connection and turn. */
  #flush(): void {
    const touched = this.#touched;
    for (let i = 0; i < touched.length; i++) touched[i]!.link.connection?.output.flush();
    touched.length = 0;
  }

  /** A timer would let what has room now wait for it. */
  #onRoom(publisher: Publisher): void {
    if (this.#start === undefined) return;
    const { schedule, plan } = this.#flowOf.get(publisher)!;
    const isUnpaced = schedule === undefined && plan.isIdle !== true && !this.#isOver(this.#host.monotonicNs());
    if (isUnpaced || publisher.backlog > 0) this.#wake();
  }

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.atNextTurn(this.#tick);
  }

  #sleep(ns: number): void {
    const { clock } = this.#context;
    clock.clearTimer(this.#timer);
    if (this.#sentThisTurn >= messagesPerTurnMax || (this.#sentThisTurn > 0 && ns === Infinity)) {
      this.#wake();
      return;
    }
    if (ns > timerFromNs) {
      // Without a schedule what has room wakes it; arrivals in other threads do not.
      this.#timer = clock.setTimer(() => this.#wake(), ns === Infinity ? unpacedPollMs : ns / 1e6 - 1);
      return;
    }
    const isAwaiting = this.#waiting.length > 0 || this.publishers[0]?.inflight !== 0;
    if (ns > 0) this.#host.pause(Math.min(ns, isAwaiting ? pauseNsMaxAwaiting : pauseNsMax));
    this.#wake();
  }
}
