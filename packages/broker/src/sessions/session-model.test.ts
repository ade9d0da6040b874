/**
 * Sessions against well-behaved clients, under random schedules of everything that can happen between them. A publisher
 * and two subscribers, each with a persistent session, keep what MQTT lets them keep; the server and its storage stop at any
 * point. What must hold in the end:
 *
 * - every message of QoS 1 that was sent has reached each of its subscribers;
 * - every message of QoS 2 has, once, also where publisher, store and subscriber each repeat what they are not sure of;
 * - messages reach a subscriber for the first time in the order in which they were sent;
 * - what was given out before is given out again as repeated, or as maybe repeated;
 * - nothing waits, and no packet identifier is remembered.
 *
 * Process death is survived at level `written`, a power cut at `synced`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "@polylog/testkit";
import fc from "fast-check";
import type { QoS } from "../publication.ts";
import { SessionRig } from "../testing/session-rig.ts";
import { Delivery } from "./delivery.ts";
import { SessionMessage } from "./session-message.ts";
import type { StoredSession } from "./stored-session.ts";

const small = fc.nat(7);
const weights = {
  send: 8,
  take: 8,
  answer: 10,
  attach: 3,
  detach: 1,
  pass: 3,
  resend: 1,
  crash: 2,
  restart: 1,
  clean: 2,
};
type Action = keyof typeof weights;
const actions = Object.entries(weights).map(([action, weight]) => ({
  weight,
  arbitrary: fc.constant(action as Action),
}));
/** `after`: how much of what was begun goes on before the next step. */
const step = fc.record({ do: fc.oneof(...actions), a: small, b: small, after: fc.nat(3) });

/** A message on its way from the publisher: until PUBACK, or PUBREC and PUBCOMP. */
interface Exchange {
  readonly text: string;
  readonly qos: QoS;
  readonly to: number;
  readonly packetIdentifier: number;
  phase: "publish" | "release";
}

/** One subscriber, with what its client keeps between connections. */
class Subscriber {
  readonly got: string[] = [];
  /** `sequence text` of every PUBLISH there was. */
  readonly seen = new Set<string>();
  /** QoS 2: PUBREC is sent, PUBREL has not come. */
  readonly held = new Set<number>();
  attached = false;
  /** What is on its way to the server: PUBACK or PUBCOMP (finish), PUBREC (received). */
  answers: { readonly kind: "finish" | "received"; readonly sequence: number }[] = [];
}

class Model {
  readonly rig: SessionRig;
  readonly kind: "process" | "power";
  readonly subscribers = [new Subscriber(), new Subscriber()];
  readonly sent: { readonly text: string; readonly qos: QoS; readonly to: number }[] = [];
  exchanges: Exchange[] = [];
  readonly #delivery = new Delivery();
  readonly #message = new SessionMessage();
  #life = 0;
  #identifier = 0;
  seed = 1;

  constructor(kind: "process" | "power", durability: "written" | "synced") {
    this.kind = kind;
    this.rig = new SessionRig({
      durability,
      segmentSizeMax: 4096,
      extentSizeMax: 300,
      extentsKept: 1,
      recentRecordsSizeMax: kind === "process" ? 0 : 100_000,
    });
  }

  async start(): Promise<void> {
    const store = await this.rig.open();
    for (const name of ["sub 0", "sub 1", "pub"]) {
      const created = store.create(name, Buffer.alloc(0));
      await this.rig.run();
      await created;
    }
    const flushed = store.flush();
    await this.rig.run();
    await flushed;
    await this.rig.state.write([], { sync: true }); // Every life finds the three sessions.
    this.rig.storage.manual = true;
  }

  session(name: string): StoredSession {
    return this.rig.store.get(name)!;
  }

  /** Calls back when the server of this life says so. */
  #when(run: () => void) {
    const life = this.#life;
    return {
      onDurable: (_token: number, error: unknown): void => {
        if (error === undefined && life === this.#life) run();
      },
    };
  }

  // --- the publisher and its server --------------------------------------------------------------------------------

  send(a: number, b: number): void {
    if (this.exchanges.length >= 5) return;
    const qos: QoS = b % 2 === 0 ? 1 : 2;
    const text = `${this.sent.length}`;
    const to = a & 3;
    const isTaken = (each: Exchange): boolean => each.packetIdentifier === this.#identifier;
    do this.#identifier = (this.#identifier % 7) + 1;
    while (this.exchanges.some(isTaken));
    const exchange: Exchange = { text, qos, to, packetIdentifier: this.#identifier, phase: "publish" };
    this.sent.push({ text, qos, to });
    this.exchanges.push(exchange);
    this.publish(exchange);
  }

  publish(exchange: Exchange): void {
    const { rig } = this;
    const { qos, packetIdentifier } = exchange;
    const from = this.session("pub");
    const waiter = this.#when(() => this.onAnswer(exchange));
    let now: boolean;
    if (qos === 2 && from.isReceived(packetIdentifier)) now = rig.store.wait(waiter, 0);
    else {
      const message = this.#message;
      message.begin();
      message.qos = qos;
      message.payload = Buffer.from(exchange.text);
      message.payloadStart = 0;
      message.payloadEnd = message.payload.length;
      message.publisher = qos === 2 ? from : undefined;
      message.packetIdentifier = packetIdentifier;
      for (let i = 0; i < 2; i++)
        if (((exchange.to >> i) & 1) === 1) message.addRecipient(this.session(`sub ${i}`), qos);
      now = rig.store.append(message, waiter, 0);
    }
    if (now) this.onAnswer(exchange);
  }

  onAnswer(exchange: Exchange): void {
    if (exchange.qos === 1) this.done(exchange);
    else {
      exchange.phase = "release";
      this.release(exchange);
    }
  }

  release(exchange: Exchange): void {
    const waiter = this.#when(() => this.done(exchange));
    if (this.session("pub").release(exchange.packetIdentifier, waiter, 0)) this.done(exchange);
  }

  done(exchange: Exchange): void {
    this.exchanges = this.exchanges.filter((each) => each !== exchange);
  }

  /** The publisher has a new connection [MQTT-4.4.0-1]. */
  resend(): void {
    for (const exchange of [...this.exchanges])
      if (exchange.phase === "publish") this.publish(exchange);
      else this.release(exchange);
  }

  // --- a subscriber and its server ---------------------------------------------------------------------------------

  attach(index: number): void {
    this.detach(index);
    this.subscribers[index]!.attached = true;
    this.session(`sub ${index}`).attach({ onDeliverable: () => undefined });
  }

  detach(index: number): void {
    const subscriber = this.subscribers[index]!;
    if (!subscriber.attached) return;
    this.session(`sub ${index}`).detach();
    subscriber.attached = false;
    subscriber.answers = [];
  }

  take(index: number, count: number): void {
    const subscriber = this.subscribers[index]!;
    const delivery = this.#delivery;
    for (let i = 0; i < count && subscriber.attached; i++) {
      const outcome = this.session(`sub ${index}`).next(delivery);
      if (outcome === "none" || outcome === "reading") return;
      const { sequence, packetIdentifier, qos } = delivery;
      if (outcome === "release") this.onRelease(subscriber, sequence, packetIdentifier);
      else {
        const text = delivery.bytes.toString("utf8", delivery.payloadStart, delivery.payloadEnd);
        const seen = `${sequence} ${text}`;
        const isMarked = delivery.repeated || delivery.maybeRepeated;
        assert.ok(isMarked || !subscriber.seen.has(seen), `${seen} is repeated as if it were not`);
        subscriber.seen.add(seen);
        if (qos === 1 || !subscriber.held.has(packetIdentifier)) subscriber.got.push(text);
        if (qos === 2) subscriber.held.add(packetIdentifier);
        subscriber.answers.push({ kind: qos === 1 ? "finish" : "received", sequence });
      }
    }
  }

  onRelease(subscriber: Subscriber, sequence: number, packetIdentifier: number): void {
    subscriber.held.delete(packetIdentifier);
    subscriber.answers.push({ kind: "finish", sequence });
  }

  answer(index: number, at: number): void {
    const subscriber = this.subscribers[index]!;
    const [answer] = subscriber.answers.splice(at % Math.max(1, subscriber.answers.length), 1);
    if (answer === undefined) return;
    const session = this.session(`sub ${index}`);
    if (answer.kind === "finish") session.finish(answer.sequence);
    else {
      const { sequence } = answer;
      const packetIdentifier = (sequence % 65_535) + 1;
      const connection = subscriber.answers;
      const onDurable = (): void => {
        if (subscriber.answers === connection) this.onRelease(subscriber, sequence, packetIdentifier);
      };
      if (session.received(sequence, this.#when(onDurable), 0)) onDurable();
    }
  }

  // --- the server stops ----------------------------------------------------------------------------------------------

  #end(): void {
    this.#life++;
    for (const subscriber of this.subscribers) {
      subscriber.attached = false;
      subscriber.answers = [];
    }
  }

  async crash(chance: number): Promise<void> {
    this.#end();
    await this.rig.crash(this.kind, this.seed++, chance / 8);
    this.rig.storage.manual = true;
    this.resend();
  }

  async restart(): Promise<void> {
    this.rig.storage.manual = false;
    this.rig.storage.complete();
    await this.rig.run();
    this.#end();
    await this.rig.restart();
    this.rig.storage.manual = true;
    this.resend();
  }

  /** Everybody is well-behaved and the server lives on. */
  async drain(): Promise<void> {
    this.rig.storage.manual = false;
    this.rig.storage.complete();
    await this.rig.run();
    this.resend();
    for (const index of [0, 1]) this.attach(index);
    for (let round = 0; round < 50; round++) {
      for (const index of [0, 1]) {
        this.take(index, 1000);
        while (this.subscribers[index]!.answers.length > 0) this.answer(index, 0);
      }
      await this.rig.advance(20);
      if (this.exchanges.length === 0 && this.rig.store.queuedCount === 0) break;
    }
  }

  check(): void {
    assert.deepEqual([this.exchanges, this.rig.store.queuedCount, this.rig.store.counters.damaged], [[], 0, 0]);
    for (const [index, { got, held }] of this.subscribers.entries()) {
      assert.equal(held.size, 0);
      const wanted = this.sent.filter(({ to }) => ((to >> index) & 1) === 1);
      for (const { text, qos } of wanted) {
        const times = got.filter((each) => each === text).length;
        assert.ok(times >= 1, `${text} is lost for subscriber ${index}`);
        if (qos === 2) assert.equal(times, 1, `${text} came ${times} times to subscriber ${index}`);
      }
      const first = [...new Set(got)];
      const ascending = wanted.filter(({ qos }) => qos === 2).map(({ text }) => text);
      assert.deepEqual(
        first.filter((text) => ascending.includes(text)),
        ascending,
      );
    }
  }
}

async function apply(model: Model, { do: action, a, b, after }: typeof step extends fc.Arbitrary<infer T> ? T : never) {
  const { rig } = model;
  const index = a & 1;
  if (action === "send") model.send(a, b);
  else if (action === "take") model.take(index, b);
  else if (action === "answer") for (let i = 0; i <= b % 3; i++) model.answer(index, b);
  else if (action === "attach") model.attach(index);
  else if (action === "detach") model.detach(index);
  else if (action === "pass") rig.clock.advance(b % 4 === 0 ? 6000 : 100);
  else if (action === "resend") model.resend();
  else if (action === "crash") await model.crash(b);
  else if (action === "restart") await model.restart();
  else if (action === "clean") void rig.store.clean();
  if (after === 0) return;
  rig.clock.turn();
  rig.storage.complete(after === 1 ? b : 100);
  await settle(after);
}

async function live(model: Model, steps: readonly Parameters<typeof apply>[1][]): Promise<void> {
  await model.start();
  for (const each of steps) await apply(model, each);
  await model.drain();
}

const schedule = fc.array(step, { minLength: 20, maxLength: 120, size: "max" });

for (const [kind, durability] of [
  ["process", "written"],
  ["power", "synced"],
] as const)
  test(`no schedule loses a message or repeats one of QoS 2: ${kind}`, async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (steps) => {
        const model = new Model(kind, durability);
        await live(model, steps);
        model.check();
      }),
      { numRuns: 200 },
    );
  });

test("no power cut leaves a store that does not go on, whatever was only written", async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async (steps) => {
      const model = new Model("power", "written");
      await live(model, steps);
      const { queuedCount, counters } = model.rig.store;
      assert.deepEqual([model.exchanges, queuedCount, counters.damaged], [[], 0, 0]);
    }),
    { numRuns: 100 },
  );
});
