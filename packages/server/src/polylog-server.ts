/**
 * The whole server, put together: storage, broker, protocol servers, listeners, in the order in which they start. They
 * stop in reverse: nobody connects any more, protocol servers finish what is in flight, the broker saves its progress,
 * the log syncs, the data directory is released.
 *
 * This file knows every part and decides nothing else; no part knows it.
 */

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "@polylog/base/clock";
import { type Service, ServiceGroup, type StopOptions, service } from "@polylog/base/lifecycle";
import { type Logger, MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { type ListenAddress, TcpListener, TurnFlusher } from "@polylog/base/transport";
import { Broker, type CaptureRule } from "@polylog/broker";
import { acquireDataDirLock, type DataDirLock, DiskSpace, FileStorage, LevelStateStore, LogStore } from "@polylog/log";
import { MqttServer } from "@polylog/mqtt";
import { NsqServer } from "@polylog/nsq";
import { RpcServer } from "@polylog/rpc";
import type { ServeOptions } from "./config/serve-options.ts";
import { readHealth, sendHealth } from "./http/health.ts";
import { HttpListener } from "./http/http-listener.ts";
import { HttpRouter } from "./http/routes.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

/** A listener that is on, under the name the ready file gives it. */
interface NamedListener extends Service {
  readonly address: ListenAddress;
}

export class PolylogServer implements Service {
  readonly name = "polylog";
  readonly dataDir: string;
  readonly #options: ServeOptions;
  readonly #captures: readonly CaptureRule[];
  readonly #logger: Logger;
  readonly #clock: Clock = systemClock;
  readonly #metrics = new MetricRegistry();
  readonly #listeners = new Map<string, NamedListener>();
  readonly #group: ServiceGroup;
  #startedAtMs = 0;

  constructor(options: ServeOptions, captures: readonly CaptureRule[], logger: Logger) {
    this.#options = options;
    this.#captures = captures;
    this.#logger = logger;
    this.dataDir = resolve(options.dataDir);
    this.#group = new ServiceGroup(this.name, this.#compose(), this.#clock);
  }

  /** Addresses of the listeners that are on, by name. Valid once started. */
  get listeners(): Record<string, ListenAddress> {
    return Object.fromEntries([...this.#listeners].map(([name, listener]) => [name, listener.address]));
  }

  async start(): Promise<void> {
    this.#startedAtMs = this.#clock.monotonicMs();
    await this.#group.start();
  }

  stop(options: StopOptions = {}): Promise<void> {
    return this.#group.stop({ deadlineMs: this.#options.drainTimeoutMs, ...options });
  }

  #compose(): Service[] {
    const parts = { clock: this.#clock, logger: this.#logger, metrics: this.#metrics };
    const { space, state, logs, services } = this.#composeStorage();
    const broker = new Broker({ ...parts, logs, state, captures: this.#captures });
    broker.registerMetrics(this.#metrics);
    logs.registerMetrics(this.#metrics);
    registerProcessMetrics(this.#metrics, this.#clock);
    const flusher = new TurnFlusher(this.#clock);
    const mqtt = new MqttServer({
      ...parts,
      broker,
      flusher,
      limits: { packetSizeMax: this.#options.mqttPacketSizeMax },
    });
    const tcpPort = () => this.#listeners.get("nsqTcp")?.address.port ?? -1;
    const nsq = new NsqServer({ ...parts, broker, flusher, limits: this.#nsqLimits(), tcpPort });
    const rpc = new RpcServer({ ...parts, broker });
    const protocols = new ServiceGroup("protocol servers", [mqtt, nsq, rpc], this.#clock);
    this.#listenTcp("mqtt", "MQTT listener", this.#options.mqttListen, (socket) => mqtt.accept(socket));
    this.#listenTcp("nsqTcp", "NSQ listener", this.#options.nsqTcpListen, (socket) => nsq.accept(socket));
    this.#listenHttp("nsqHttp", "NSQ HTTP listener", this.#options.nsqHttpListen, { onRequest: nsq.handleRequest });
    this.#listenHttp("http", "HTTP listener", this.#options.httpListen, this.#routes(broker, space, rpc));
    return [...services, broker, protocols, ...this.#listeners.values()];
  }

  #composeStorage(): { space: DiskSpace; state: LevelStateStore; logs: LogStore; services: Service[] } {
    const options = this.#options;
    let lock: DataDirLock | undefined;
    const space = new DiskSpace({
      storage: new FileStorage(this.dataDir),
      clock: this.#clock,
      logger: this.#logger,
      floorBytes: options.diskFreeMin,
      reserveSize: options.diskReserveSize,
    });
    const state = new LevelStateStore(join(this.dataDir, "state"), { makeRoom: (cause) => space.makeRoom(cause) });
    const logs = new LogStore({
      storage: new FileStorage(join(this.dataDir, "logs")),
      state,
      clock: this.#clock,
      logger: this.#logger,
      defaults: {
        durability: options.durability,
        segmentSizeMax: options.logSegmentSize,
        retentionMs: options.logRetentionMs,
        retentionBytes: options.logRetentionBytes,
        retentionUnfinished: options.logRetentionUnfinished,
        compression: options.logCompression,
      },
      syncIntervalMs: options.logSyncIntervalMs,
      pendingBytesMax: options.logAppendQueueSizeMax,
      pendingTotalMax: options.logAppendQueueTotalMax,
      space,
      tailCacheSizeMax: options.tailCacheSizeMax,
    });
    const dataDirectory = service(
      "data directory",
      async () => {
        await mkdir(this.dataDir, { recursive: true });
        lock = await acquireDataDirLock(this.dataDir);
      },
      async () => lock?.release(),
    );
    const diskSpace = service(
      "disk space",
      () => space.start(),
      () => space.stop(),
    );
    const stateStore = service(
      "state store",
      () => state.open(),
      () => state.close(),
    );
    const logStore = service(
      "log store",
      () => logs.open(),
      () => logs.close(),
    );
    return { space, state, logs, services: [dataDirectory, diskSpace, stateStore, logStore] };
  }

  #routes(broker: Broker, space: DiskSpace, rpc: RpcServer): HttpRouter {
    return new HttpRouter([
      {
        path: "/rpc",
        methods: [],
        handle: (request, response) => rpc.handleRequest(request, response),
        upgrade: (request, socket, head) => rpc.handleUpgrade(request, socket, head),
      },
      {
        path: "/health",
        methods: ["GET", "HEAD"],
        handle: (_request, response) =>
          sendHealth(response, readHealth(broker, space, this.#clock.monotonicMs() - this.#startedAtMs)),
      },
      {
        path: "/metrics",
        methods: ["GET", "HEAD"],
        handle: (_request, response) => {
          response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
          response.end(renderPrometheus(this.#metrics));
        },
      },
    ]);
  }

  #nsqLimits() {
    const options = this.#options;
    return {
      msgSizeMax: options.nsqMsgSizeMax,
      bodySizeMax: options.nsqBodySizeMax,
      msgTimeoutMs: options.nsqMsgTimeoutMs,
      msgTimeoutMsMax: options.nsqMsgTimeoutMsMax,
      reqTimeoutMsMax: options.nsqReqTimeoutMsMax,
      rdyCountMax: options.nsqRdyCountMax,
      heartbeatIntervalMsMax: options.nsqHeartbeatIntervalMsMax,
    };
  }

  #listenTcp(key: string, name: string, address: ListenAddress | "off", accept: TcpAccept): void {
    if (address === "off") return;
    const { connectionsMax } = this.#options;
    this.#listeners.set(key, new TcpListener({ name, ...address, connectionsMax, accept }));
  }

  #listenHttp(key: string, name: string, address: ListenAddress | "off", handlers: HttpHandlers): void {
    if (address === "off") return;
    const { connectionsMax } = this.#options;
    this.#listeners.set(key, new HttpListener({ name, address, connectionsMax, clock: this.#clock, ...handlers }));
  }
}

type TcpAccept = ConstructorParameters<typeof TcpListener>[0]["accept"];
type HttpHandlers = Pick<ConstructorParameters<typeof HttpListener>[0], "onRequest" | "onUpgrade">;
