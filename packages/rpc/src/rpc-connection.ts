/**
 * One WebSocket peer: texts in, answers and notifications out, all of a turn in one write.
 *
 *     open ──stop──▶ stopping ──all answered──▶ closed        the peer's leaving closes it from anywhere
 *
 * Back-pressure: while more waits in its socket than the mark, nothing more is made for it (answers and subscriptions
 * wait in line, in order) and nothing more is read from it. So what one peer can make the server hold is bounded by
 * `requestsPerConnectionMax`, `consumeHeldBytesMax`, its subscriptions, and the mark.
 */

import type { Clock } from "@polylog/base/clock";
import { RingBuffer } from "@polylog/base/collections";
import type { Principal } from "@polylog/broker";
import { rpcErrors } from "./errors.ts";
import type { Dispatcher, Reply } from "./json-rpc.ts";
import type { RpcLimits } from "./limits.ts";
import { Peer } from "./peer.ts";
import { type JsonText, joinTexts } from "./records/json-parts.ts";
import { SubscriptionSet } from "./subscriptions/subscription-set.ts";
import type { RoomWaiter, SubscriptionSink } from "./subscriptions/tail-subscription.ts";

/** What a connection needs of a WebSocket. */
export interface TextSocket {
  /** Bytes sent and not yet taken by the operating system. */
  readonly pendingBytes: number;
  /** `pendingBytes` is above the mark, and `onDrain` of the connection will be called when it no longer is. */
  readonly isFull: boolean;
  send(text: JsonText): void;
  ping(): void;
  cork(): void;
  uncork(): void;
  pause(): void;
  resume(): void;
  /** Sends what waits, then closes. */
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface RpcConnectionOptions {
  readonly socket: TextSocket;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly principal: Principal;
  readonly limits: RpcLimits;
  /** Counts notifications sent. */
  readonly onNotification: () => void;
}

type Status = "open" | "stopping" | "closed";

/** WebSocket close code 1001: the server goes away. */
const goingAway = 1001;

export class RpcConnection implements SubscriptionSink {
  readonly peer: Peer;
  readonly #options: RpcConnectionOptions;
  readonly #socket: TextSocket;
  readonly #subscriptions: SubscriptionSet;
  readonly #waiters = new RingBuffer<RoomWaiter>();
  #status: Status = "open";
  /** Messages whose requests and notifications have not all ended. */
  #messageCount = 0;
  #corked = false;
  /** An answer is being made, over several turns; what comes after it waits. */
  #rendering = false;
  #inputPaused = false;
  #heard = true;
  #pendingAtHeartbeat = 0;

  constructor(options: RpcConnectionOptions) {
    const { limits } = options;
    this.#options = options;
    this.#socket = options.socket;
    this.#subscriptions = new SubscriptionSet(this, limits.subscriptionsPerConnectionMax);
    this.peer = new Peer(options.principal, limits.requestsPerConnectionMax, this.#subscriptions);
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size;
  }

  // --- the peer's side -------------------------------------------------------------------------------------------

  onText(text: string): void {
    this.#heard = true;
    if (this.#status === "closed") return;
    const reply = this.#options.dispatcher.dispatch(text, this.peer);
    if (reply instanceof Promise) void this.#replyLater(reply);
    else this.#reply(reply);
    this.#updateInput();
  }

  onBinary(): void {
    this.#heard = true;
    if (this.#status === "closed") return;
    const refusal = rpcErrors.INVALID_REQUEST({ reason: "it came in a binary frame; requests are text" });
    this.#reply(this.#options.dispatcher.refuse(refusal));
    this.#updateInput();
  }

  onPong(): void {
    this.#heard = true;
  }

  /** The socket has handed everything to the operating system. */
  onDrain(): void {
    while (this.#waiters.size > 0 && !this.isFull && this.#status !== "closed") this.#waiters.shift()!.onRoom();
    this.#updateInput();
    this.#closeWhenDone();
  }

  /** The socket is gone: everything that ran or waited for it ends. */
  onClose(): void {
    if (this.#status === "closed") return;
    this.#status = "closed";
    this.peer.ending.end();
    this.#subscriptions.close();
    this.#waiters.clear();
  }

  // --- the server's side -----------------------------------------------------------------------------------------

  /** Ends a peer that was silent since the last call, pings the others. */
  heartbeat(): void {
    const { pendingBytes, isFull } = this.#socket;
    // While we do not read from it we cannot hear it: then it lives if it takes what we send.
    const isTaking = this.#inputPaused && (!isFull || pendingBytes !== this.#pendingAtHeartbeat);
    if (!this.#heard && !isTaking) {
      this.#socket.terminate();
      return;
    }
    this.#heard = false;
    this.#pendingAtHeartbeat = pendingBytes;
    this.#socket.ping();
  }

  /** Takes nothing new; closes once everything under way has been answered. */
  stop(): void {
    if (this.#status !== "open") return;
    this.#status = "stopping";
    this.peer.ending.end();
    this.#subscriptions.endAll("stopping");
    this.#closeWhenDone();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  // --- for subscriptions -----------------------------------------------------------------------------------------

  get isFull(): boolean {
    return this.#socket.isFull || this.#rendering;
  }

  whenRoom(waiter: RoomWaiter): void {
    if (this.#status !== "closed") this.#waiters.push(waiter);
  }

  notify(method: string, params: JsonText): void {
    this.#options.onNotification();
    this.#send(joinTexts([`{"jsonrpc":"2.0","method":"${method}","params":`, params, "}"]));
  }

  // --- output ----------------------------------------------------------------------------------------------------

  async #replyLater(reply: Promise<Reply | undefined>): Promise<void> {
    this.#messageCount++;
    this.#reply(await reply);
    this.#messageCount--;
    this.#updateInput();
    this.#closeWhenDone();
  }

  #reply(reply: Reply | undefined): void {
    if (reply === undefined || this.#status === "closed") return;
    if (this.isFull) this.#waiters.push({ onRoom: () => this.#sendReply(reply) });
    else this.#sendReply(reply);
  }

  #sendReply(reply: Reply): void {
    const text = reply.render();
    if (text instanceof Promise) void this.#sendReplyLater(reply, text);
    else {
      this.#send(text);
      reply.onSent();
    }
  }

  async #sendReplyLater(reply: Reply, text: Promise<JsonText>): Promise<void> {
    this.#rendering = true;
    this.#send(await text);
    this.#rendering = false;
    reply.onSent();
    this.onDrain();
  }

  /** Held back until the end of the turn, so that everything made in it leaves in one write. */
  #send(text: JsonText): void {
    if (this.#status === "closed") return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      this.#options.clock.atTurnEnd(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.send(text);
  }

  /**
   * Reads on or not. Requests are bounded by refusing; notifications cannot be refused, so that many of them under way
   * stop the reading instead.
   */
  #updateInput(): void {
    if (this.#status !== "open") return;
    const { requestsPerConnectionMax } = this.#options.limits;
    const pause = this.isFull || this.#waiters.size > 0 || this.#messageCount > 2 * requestsPerConnectionMax;
    if (pause === this.#inputPaused) return;
    this.#inputPaused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }

  #closeWhenDone(): void {
    const isBusy = this.#messageCount > 0 || this.#waiters.size > 0 || this.#rendering;
    if (this.#status !== "stopping" || isBusy) return;
    this.#status = "closed";
    this.#socket.close(goingAway, "the server is stopping");
  }
}
