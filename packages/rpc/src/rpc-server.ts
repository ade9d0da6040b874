/**
 * JSON-RPC at one address of an HTTP server: POST for single messages, WebSocket for everything. The composition root owns
 * the HTTP server and hands over the requests and upgrades that are for this address.
 */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, systemClock, type Timer } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import { type Logger, MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { anonymous, type Broker, brokerErrors, type Principal } from "@polylog/broker";
import { type WebSocket, WebSocketServer } from "ws";
import { rpcErrors } from "./errors.ts";
import { Dispatcher } from "./json-rpc.ts";
import { defaultRpcLimits, type RpcLimits } from "./limits.ts";
import { methods } from "./methods/index.ts";
import type { MqttAdmin } from "./mqtt-admin.ts";
import { isOriginAllowed } from "./origin.ts";
import { Peer } from "./peer.ts";
import { headFault, readBody, sendAnswer, statusOfError } from "./post-request.ts";
import { RpcConnection } from "./rpc-connection.ts";
import { type RpcMetrics, rpcMetrics } from "./rpc-metrics.ts";
import { WebTextSocket } from "./web-text-socket.ts";

export interface RpcServerOptions {
  readonly broker: Broker;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly limits?: RpcLimits;
  readonly metrics?: MetricRegistry;
  /** Origins of web pages that may use the server, besides its own. */
  readonly origins?: readonly string[];
  /** Default: there is no MQTT. */
  readonly mqtt?: MqttAdmin;
}

/** The WebSocket subprotocol; clients need not ask for it. */
const subprotocol = "jsonrpc";

export class RpcServer implements Service {
  readonly name = "rpc";
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: RpcLimits;
  readonly #metrics: RpcMetrics;
  readonly #origins: readonly string[];
  readonly #dispatcher: Dispatcher;
  readonly #webSockets: WebSocketServer;
  readonly #connections = new Set<RpcConnection>();
  readonly #posts = new Set<Peer>();
  #heartbeat: Timer | undefined;
  #stopping: Promise<void> | undefined;
  /** Called when a connection or POST has ended. */
  #onEnded: () => void = () => undefined;

  constructor(options: RpcServerOptions) {
    this.#broker = options.broker;
    this.#clock = options.clock ?? systemClock;
    this.#logger = (options.logger ?? silentLogger).child("rpc");
    this.#limits = options.limits ?? defaultRpcLimits;
    this.#origins = options.origins ?? [];
    this.#metrics = rpcMetrics(options.metrics ?? new MetricRegistry(), methods, {
      connections: () => this.#connections.size,
      subscriptions: () => this.subscriptionCount,
    });
    this.#dispatcher = new Dispatcher({
      methods,
      broker: options.broker,
      clock: this.#clock,
      mqtt: options.mqtt,
      limits: this.#limits,
      onCall: (method) => this.#metrics.countRequest(method),
      onError: (method, code, error) => this.#onError(method, code, error),
    });
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#limits.requestSizeMax,
      handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get subscriptionCount(): number {
    let count = 0;
    for (const connection of this.#connections) count += connection.subscriptionCount;
    return count;
  }

  /** Nothing to do: requests may be handed over as soon as the broker has started. */
  async start(): Promise<void> {}

  /** A request for the address of JSON-RPC, whatever its method. `principal`: who its credentials say it is. */
  handleRequest(request: IncomingMessage, response: ServerResponse, principal: Principal = anonymous): void {
    const refusal = this.#refusal(request, principal) ?? headFault(request, this.#limits) ?? this.#postsFull();
    if (refusal !== undefined) {
      void this.#refusePost(response, refusal);
      return;
    }
    const peer = new Peer(principal, this.#limits.batchRequestsMax);
    this.#posts.add(peer);
    response.once("close", () => {
      peer.ending.end();
      this.#posts.delete(peer);
      this.#onEnded();
    });
    void this.#answerPost(request, response, peer);
  }

  /** An upgrade request for the address of JSON-RPC; `socket` and `head` as Node's HTTP server hands them out. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, principal: Principal = anonymous): void {
    const refusal = this.#refusal(request, principal) ?? this.#connectionsFull();
    if (refusal !== undefined) {
      this.#onError("", 0, refusal);
      refuseUpgrade(socket, statusOfError(refusal), refusal.message);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, socket, principal));
  }

  /**
   * Takes nothing new, lets what waits for records answer now and what is being written finish, ends subscriptions, and
   * closes every WebSocket. Those still open after `deadlineMs` (default 10,000) are cut.
   */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? 10_000);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#clock.clearTimer(this.#heartbeat);
    for (const connection of this.#connections) connection.stop();
    for (const peer of this.#posts) peer.ending.end();
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(() => {
        for (const connection of this.#connections) connection.terminate();
        resolve();
      }, deadlineMs);
      this.#onEnded = () => {
        if (this.#connections.size + this.#posts.size > 0) return;
        this.#clock.clearTimer(timer);
        resolve();
      };
      this.#onEnded();
    });
    this.#webSockets.close();
  }

  // --- POST ------------------------------------------------------------------------------------------------------

  async #answerPost(request: IncomingMessage, response: ServerResponse, peer: Peer): Promise<void> {
    try {
      const text = await readBody(request, this.#clock, this.#limits);
      if (text === undefined) return;
      const reply = await this.#dispatcher.dispatch(text, peer);
      await sendAnswer(response, reply === undefined ? 204 : 200, await reply?.render(), false, this.#clock);
      reply?.onSent();
    } catch (error) {
      await this.#refusePost(response, error);
    }
  }

  async #refusePost(response: ServerResponse, error: unknown): Promise<void> {
    const status = isCodedError(error) ? statusOfError(error) : 500;
    const text = `${await this.#dispatcher.refuse(error).render()}`;
    await sendAnswer(response, status, text, status !== 200, this.#clock);
  }

  // --- WebSocket -------------------------------------------------------------------------------------------------

  #accept(webSocket: WebSocket, stream: Duplex, principal: Principal): void {
    const socket = new WebTextSocket(webSocket, stream, this.#limits.outputSizeMark, this.#clock);
    const connection = new RpcConnection({
      socket,
      dispatcher: this.#dispatcher,
      clock: this.#clock,
      principal,
      limits: this.#limits,
      onNotification: () => this.#metrics.notifications.value++,
    });
    this.#connections.add(connection);
    this.#scheduleHeartbeat();
    webSocket.on("message", (data, isBinary) => {
      if (isBinary) connection.onBinary();
      else connection.onText((data as Buffer).toString("utf8"));
    });
    webSocket.on("pong", () => connection.onPong());
    webSocket.on("ping", () => connection.onPong());
    socket.onDrain = () => connection.onDrain();
    webSocket.on("error", (error) => this.#logger.debug("connection failed", { error }));
    webSocket.on("close", () => {
      this.#connections.delete(connection);
      connection.onClose();
      this.#onEnded();
    });
    this.#logger.debug("connection opened");
  }

  #scheduleHeartbeat(): void {
    if (this.#heartbeat !== undefined) return;
    this.#heartbeat = this.#clock.setTimer(() => {
      this.#heartbeat = undefined;
      for (const connection of this.#connections) connection.heartbeat();
      if (this.#connections.size > 0 && this.#stopping === undefined) this.#scheduleHeartbeat();
    }, this.#limits.heartbeatMs);
  }

  // --- refusing --------------------------------------------------------------------------------------------------

  #refusal(request: IncomingMessage, principal: Principal): PolylogError | undefined {
    if (this.#stopping !== undefined) return rpcErrors.STOPPING();
    if (!isOriginAllowed(request, this.#origins))
      return rpcErrors.ORIGIN_REFUSED({ origin: request.headers.origin ?? "" });
    if (this.#broker.access.allows(principal, "connect", "")) return undefined;
    return brokerErrors.NOT_AUTHORIZED({ action: "connect", resource: "" });
  }

  #postsFull(): PolylogError | undefined {
    const count = this.#posts.size;
    return count < this.#limits.postsMax ? undefined : rpcErrors.OVERLOADED({ count, what: "requests under way" });
  }

  #connectionsFull(): PolylogError | undefined {
    const count = this.#connections.size;
    return count < this.#limits.connectionsMax ? undefined : rpcErrors.OVERLOADED({ count, what: "connections" });
  }

  #onError(method: string, code: number, error: unknown): void {
    this.#metrics.errors.value++;
    if (isCodedError(error)) this.#logger.debug("request failed", { method, code, error });
    else this.#logger.error("a method failed in a way it should not", { method, error });
  }
}

/** Answers an upgrade request with a plain response and closes. */
function refuseUpgrade(socket: Duplex, status: number, reason: string): void {
  socket.on("error", () => socket.destroy());
  const body = Buffer.from(`${reason}\n`, "utf8");
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
  ].join("\r\n");
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), body]));
}
