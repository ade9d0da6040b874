/** A client of the real methods on a real broker: requests and answers, without a network. */

import assert from "node:assert/strict";
import { anonymous } from "@polylog/broker";
import { MemoryBroker, type MemoryBrokerOptions } from "@polylog/broker/testing";
import { Dispatcher } from "../json-rpc.ts";
import { defaultRpcLimits } from "../limits.ts";
import type { ChannelDescription } from "../methods/channel-list.ts";
import { methods } from "../methods/index.ts";
import type { WholeLogDescription } from "../methods/log-describe.ts";
import type { LogDescription } from "../methods/log-list.ts";
import type { BridgeDescription } from "../methods/mqtt-bridges.ts";
import type { ClientDescription } from "../methods/mqtt-clients.ts";
import type { DelayedDescription } from "../methods/mqtt-delayed.ts";
import type { RetainedDescription } from "../methods/mqtt-retained.ts";
import type { MqttAdmin, MqttSubscription } from "../mqtt-admin.ts";
import { RpcConnection } from "../rpc-connection.ts";
import { MemorySocket } from "./memory-socket.ts";

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A record as clients see it. */
export interface RpcRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly topic: string | null;
  readonly value: unknown;
  readonly encoding?: string;
}

/** What each method answers. */
export interface RpcResults {
  readonly "log.create": LogDescription;
  readonly "log.list": { readonly logs: readonly LogDescription[] };
  readonly "producer.open": { readonly id: string; readonly epoch: number };
  readonly produce: {
    readonly partition: number;
    readonly baseOffset: number;
    readonly ack: string;
    readonly duplicate?: boolean;
  };
  readonly consume: { readonly records: readonly RpcRecord[]; readonly highWatermark: number };
  readonly subscribe: { readonly subscription: number };
  readonly "subscription.credit": { readonly credits: number };
  readonly unsubscribe: object;
  readonly "log.describe": WholeLogDescription;
  readonly "log.alter": Pick<WholeLogDescription, "log" | "config"> & { readonly warning?: string };
  readonly "log.empty": object;
  readonly "log.delete": object;
  readonly "channel.list": { readonly channels: readonly ChannelDescription[] };
  readonly "channel.create": ChannelDescription;
  readonly "channel.peek": {
    readonly records: readonly (RpcRecord & { readonly partition: number; readonly attempts: number })[];
  };
  readonly "channel.delete": object;
  readonly "channel.pause": ChannelDescription;
  readonly "channel.unpause": ChannelDescription;
  readonly "channel.seek": ChannelDescription;
  readonly "channel.configure": ChannelDescription;
  readonly "mqtt.clients": { readonly clients: readonly ClientDescription[]; readonly more: boolean };
  readonly "mqtt.sessions": { readonly sessions: readonly ClientDescription[]; readonly more: boolean };
  readonly "mqtt.subscriptions": { readonly subscriptions: readonly MqttSubscription[]; readonly more: boolean };
  readonly "mqtt.bridges": { readonly bridges: readonly BridgeDescription[] };
  readonly "mqtt.delayed": { readonly delayed: readonly DelayedDescription[]; readonly more: boolean };
  readonly "mqtt.cancelDelayed": { readonly cancelled: readonly number[] };
  readonly "mqtt.kick": { readonly kicked: boolean };
  readonly "mqtt.retained": { readonly retained: readonly RetainedDescription[]; readonly more: boolean };
  readonly "channel.replayDeadLetters": { readonly replayed: number };
}

/** A notification; its params are those of its method only. */
export interface RpcNotification {
  readonly method: string;
  readonly params: {
    readonly subscription: number;
    readonly partition: number;
    readonly records: readonly RpcRecord[];
    readonly highWatermark: number;
    readonly offset: number;
    readonly error: RpcFailure;
    readonly reason: string;
  };
}

interface Received extends Partial<RpcNotification> {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: RpcFailure;
}

export class MemoryClient {
  readonly memory: MemoryBroker;
  readonly socket = new MemorySocket();
  readonly connection: RpcConnection;
  readonly #answers = new Map<number, Received>();
  #notifications: RpcNotification[] = [];
  #idNext = 1;

  private constructor(memory: MemoryBroker, mqtt?: MqttAdmin) {
    this.memory = memory;
    const { broker, clock } = memory;
    const dispatcher = new Dispatcher({ methods, broker, clock, mqtt, limits: defaultRpcLimits });
    this.connection = new RpcConnection({
      socket: this.socket,
      dispatcher,
      clock,
      principal: anonymous,
      limits: defaultRpcLimits,
      onNotification: () => undefined,
    });
    this.socket.onDrain = () => this.connection.onDrain();
  }

  static async start({
    mqtt,
    ...options
  }: MemoryBrokerOptions & { readonly mqtt?: MqttAdmin } = {}): Promise<MemoryClient> {
    return new MemoryClient(await MemoryBroker.start(options), mqtt);
  }

  /** Another connection to the same broker. */
  beside(): MemoryClient {
    return new MemoryClient(this.memory);
  }

  /** The result; the answer must be there without time passing. */
  async ask<Name extends keyof RpcResults>(method: Name, params: object): Promise<RpcResults[Name]> {
    const { result, error } = await this.#exchange(method, params);
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result as RpcResults[Name];
  }

  async refusal(method: string, params: object): Promise<RpcFailure> {
    const { error } = await this.#exchange(method, params);
    assert.ok(error !== undefined, `${method} is not refused`);
    return error;
  }

  /** The code in the data of the error. */
  async refusalCode(method: string, params: object): Promise<unknown> {
    return (await this.refusal(method, params)).data["code"];
  }

  /** Sends a request and waits for nothing; `answerTo` has the answer later. */
  send(method: string, params: object): number {
    const id = this.#idNext++;
    this.connection.onText(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return id;
  }

  async answerTo(id: number): Promise<Received | undefined> {
    await this.#receive();
    return this.#answers.get(id);
  }

  /** Those that came since the last call. */
  async notifications(): Promise<RpcNotification[]> {
    await this.#receive();
    return this.#notifications.splice(0);
  }

  /** Values of all `subscription.records` since the last call, in order. */
  async recordValues(): Promise<unknown[]> {
    const records = (await this.notifications()).flatMap(({ params }) => params.records ?? []);
    return records.map(({ value }) => value);
  }

  async #exchange(method: string, params: object): Promise<Received> {
    const answer = await this.answerTo(this.send(method, params));
    assert.ok(answer !== undefined, `${method} has no answer yet`);
    return answer;
  }

  async #receive(): Promise<void> {
    await this.memory.run();
    for (const each of this.socket.received() as Received[]) {
      if (each.method !== undefined) this.#notifications.push(each as RpcNotification);
      else this.#answers.set(each.id ?? 0, each);
    }
  }
}
