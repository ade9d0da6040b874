/**
 * The whole server, put together: storage, broker, protocol servers, listeners, in the order in which they start. They
 * stop in reverse: nobody connects any more, protocol servers finish what is in flight, the broker saves its progress,
 * the log syncs, the data directory is released.
 *
 * This file knows every part and decides nothing else; no part knows it.
 */

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TLSSocket } from "node:tls";
import { type Clock, SteadyClock, systemClock } from "@polylog/base/clock";
import { type Service, ServiceGroup, type StopOptions, service } from "@polylog/base/lifecycle";
import { type Logger, MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import {
  type ByteStream,
  type ListenAddress,
  TcpListener,
  type TlsCertificates,
  TlsListener,
  type TlsSettings,
  TurnFlusher,
} from "@polylog/base/transport";
import { Broker, type CaptureRule } from "@polylog/broker";
import { type Access, type Authenticator, type MessageHooks, Users } from "@polylog/broker/access";
import { DeferredQueue } from "@polylog/broker/deferred";
import { DurableSessionStore } from "@polylog/broker/sessions";
import { LogSink, openSinkTarget, parseSinkRule, type SqlProcess } from "@polylog/crate";
import {
  acquireDataDirLock,
  type DataDirLock,
  DiskSpace,
  EmbeddedLogStore,
  FileStorage,
  LevelStateStore,
} from "@polylog/log/embedded";
import { MqttServer } from "@polylog/mqtt";
import { LookupdPeers, LookupdServer, NsqServer } from "@polylog/nsq";
import { RpcServer } from "@polylog/rpc";
import { parseRewriteRule } from "./config/mqtt-rewrite-options.ts";
import type { ServeOptions } from "./config/serve-options.ts";
import { readUsersFile } from "./config/users-file.ts";
import { readHealth, sendHealth } from "./http/health.ts";
import { HttpAuthentication } from "./http/http-authentication.ts";
import { HttpListener } from "./http/http-listener.ts";
import { type HttpRoute, HttpRouter, sendJson } from "./http/routes.ts";
import { sqlRoutes } from "./http/sql-routes.ts";
import { bridgeSysValues, composeBridges, mqttAdmin, withBridgeAccess } from "./mqtt-bridges.ts";
import { mqttLimits } from "./mqtt-limits.ts";
import { broadcastHost, lookupdAddress, nsqdAddress } from "./nsq-addresses.ts";
import { nsqServerOptions, nsqTlsClientAuth, nsqTlsPaths } from "./nsq-server-options.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { TlsFiles } from "./tls/tls-files.ts";
import { version } from "./version.ts";
import { MqttWebSocket } from "./websocket/mqtt-web-socket.ts";

/** A listener that is on, under the name the ready file gives it. */
interface NamedListener extends Service {
  readonly address: ListenAddress;
}

/** Who peers are, what they may do, and what becomes of it; without them everybody may do everything. */
export interface Guards {
  readonly access?: Access;
  readonly authenticator?: Authenticator;
  /** Must not throw. */
  readonly hooks?: MessageHooks;
}

export class PolylogServer implements Service {
  readonly name = "polylog";
  readonly dataDir: string;
  readonly #options: ServeOptions;
  readonly #captures: readonly CaptureRule[];
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #metrics = new MetricRegistry();
  readonly #listeners = new Map<string, NamedListener>();
  readonly #tlsListeners: { listener: CertificateHolder; files: TlsFiles }[] = [];
  readonly #group: ServiceGroup;
  readonly #tlsFiles: TlsFiles | undefined;
  /** May be the same. */
  readonly #nsqTlsFiles: TlsFiles | undefined;
  readonly #users: Users | undefined;
  readonly #guards: Guards;
  #reloading: Promise<void> = Promise.resolve();
  #startedAtMs = 0;

  /** `guards`: in place of what the users file says. */
  constructor(options: ServeOptions, captures: readonly CaptureRule[], logger: Logger, guards: Guards = {}) {
    this.#guards = guards;
    this.#options = options;
    this.#captures = captures;
    this.#logger = logger;
    this.#clock = new SteadyClock(systemClock, (what, jumpMs) => {
      const words = {
        held: "jumped; it is believed when that lasts for 5 min",
        over: "is back",
        believed: "is believed",
      };
      logger.child("clock").warn(`the wall clock ${words[what]}`, { jumpMs });
    });
    this.dataDir = resolve(options.dataDir);
    const { tlsCert: cert, tlsKey: key, tlsCa: ca } = options;
    this.#tlsFiles = cert === undefined || key === undefined ? undefined : new TlsFiles({ cert, key, ca });
    this.#nsqTlsFiles = this.#findNsqTlsFiles();
    this.#users = options.usersFile === undefined ? undefined : new Users([]);
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

  /** Whether `reload` has anything to read again. */
  get isReloadable(): boolean {
    return this.#certificateFiles().length > 0 || this.#users !== undefined;
  }

  /**
   * Reads users and certificates again, one call after the other. Open connections stay; what their users may do follows the
   * file at once. Rejects with coded errors, and goes on with all that it had.
   */
  reload(): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  async #reload(): Promise<void> {
    const takeOver = [await this.#loadUsers()];
    for (const files of this.#certificateFiles()) takeOver.push(await files.load());
    for (const each of takeOver) each();
    for (const { listener, files } of this.#tlsListeners) listener.replaceCertificates(files.certificates);
  }

  #findNsqTlsFiles(): TlsFiles | undefined {
    const paths = nsqTlsPaths(this.#options);
    if (paths === undefined) return undefined;
    const { tlsCert, tlsCa, nsqTlsMinVersion } = this.#options;
    const isShared = paths.cert === tlsCert && paths.ca === tlsCa && nsqTlsMinVersion === "tls1.2";
    return isShared && this.#tlsFiles !== undefined ? this.#tlsFiles : new TlsFiles(paths);
  }

  #certificateFiles(): TlsFiles[] {
    return [...new Set([this.#tlsFiles, this.#nsqTlsFiles])].filter((files) => files !== undefined);
  }

  /** Reads the file; they change when what this resolves with is called. */
  async #loadUsers(): Promise<() => void> {
    const { usersFile } = this.#options;
    if (usersFile === undefined) return () => undefined;
    const users = await readUsersFile(usersFile);
    return () => this.#users?.replace(users);
  }

  #compose(): Service[] {
    const parts = { clock: this.#clock, logger: this.#logger, metrics: this.#metrics };
    const { space, state, logs, services } = this.#composeStorage();
    const users: Guards = this.#users === undefined ? {} : { access: this.#users, authenticator: this.#users };
    const guards = { ...users, ...this.#guards };
    const bridgeAccess = this.#options.mqttBridge.length > 0 ? { access: withBridgeAccess(guards.access) } : {};
    const broker = new Broker({ ...parts, ...guards, ...bridgeAccess, logs, state, captures: this.#captures });
    const authentication = new HttpAuthentication(broker.authenticator, broker.access);
    broker.registerMetrics(this.#metrics);
    logs.registerMetrics(this.#metrics);
    registerProcessMetrics(this.#metrics, this.#clock);
    const flusher = new TurnFlusher(this.#clock);
    const sessions = this.#sessionStore(state);
    const mqtt: MqttServer = new MqttServer({
      ...parts,
      broker,
      flusher,
      sessions,
      sessionLog: sessions.log,
      deferred: this.#deferredQueue(state, space),
      version: `polylog ${version}`,
      limits: mqttLimits(this.#options),
      rewrites: this.#options.mqttRewrite.map(parseRewriteRule),
      sysValues: bridgeSysValues(this.#options, (name) => bridges.isConnected(name)),
    });
    const bridges = composeBridges(this.#options, mqtt, { ...parts, flusher });
    const lookupd = this.#composeLookupd(flusher);
    const lookupds = this.#composeLookupds(broker, flusher, lookupd);
    const nsq = new NsqServer({
      ...parts,
      broker,
      flusher,
      lookupds,
      ...nsqServerOptions(this.#options, this.#nsqTlsFiles),
      tcpPort: () => this.#address("nsqTcp")?.port || -1,
      httpsPort: () => this.#address("nsqHttps")?.port ?? -1,
      httpAddress: () => {
        const { host, port } = this.#address("nsqHttp") ?? { host: "localhost", port: 4151 };
        return `${host}:${port}`;
      },
      broadcastAddress: () => broadcastHost(this.#options, this.#address("nsqTcp") ?? this.#address("nsqHttp")),
    });
    const origins = this.#options.webOrigins;
    const rpc = new RpcServer({ ...parts, broker, mqtt: mqttAdmin(mqtt, bridges), origins });
    const { sqlStatementTimeoutMs: timeoutMs, sqlMemoryBytes: memoryBytesMax } = this.#options;
    const bounds = { timeoutMs, memoryBytesMax };
    const sql = sqlRoutes({ ...parts, ...bounds, access: broker.access, origins, dataDir: this.dataDir });
    const servers = [mqtt, nsq, ...(lookupd === undefined ? [] : [lookupd]), rpc, sql.process];
    const protocols = new ServiceGroup("protocol servers", servers, this.#clock);
    const acceptMqtt = (stream: ByteStream) => mqtt.accept(stream);
    this.#listenTcp("mqtt", "MQTT listener", this.#options.mqttListen, acceptMqtt, true);
    this.#listenTls("mqttTls", "MQTT listener with TLS", this.#options.mqttTlsListen, acceptMqtt);
    this.#listenTcp("nsqTcp", "NSQ listener", this.#options.nsqTcpListen, (socket) => nsq.accept(socket));
    this.#listenNsqHttp(nsq, authentication);
    if (lookupd !== undefined) this.#listenLookupd(lookupd);
    const routes = new HttpRouter([...this.#routes(broker, space, rpc, acceptMqtt), ...sql.routes], authentication);
    this.#listenHttp("http", "HTTP listener", this.#options.httpListen, routes);
    const { httpTlsListen } = this.#options;
    this.#listenHttp("httpTls", "HTTP listener with TLS", httpTlsListen, routes, this.#tls(this.#tlsFiles));
    const nothing = async (): Promise<void> => undefined;
    const usersFile = service("users", async () => (await this.#loadUsers())(), nothing);
    const files = [usersFile, ...this.#certificateFiles()];
    const workers = [protocols, bridges, ...this.#sinks(broker, sql.process)];
    return [...files, ...services, broker, ...workers, ...this.#listeners.values(), lookupds];
  }

  /** From logs into tables. */
  #sinks(broker: Broker, process: SqlProcess): LogSink[] {
    const parts = { broker, clock: this.#clock, logger: this.#logger, metrics: this.#metrics };
    return this.#options.sink.map((text) => {
      const rule = parseSinkRule(text);
      return new LogSink({ ...parts, rule, target: openSinkTarget(rule, this.#clock, process) });
    });
  }

  #listenNsqHttp(nsq: NsqServer, authentication: HttpAuthentication): void {
    const { nsqHttpListen, nsqHttpsListen } = this.#options;
    const onRequest: HttpHandlers["onRequest"] = (request, response) => {
      if (request.url === "/ping") nsq.handleRequest(request, response);
      else authentication.check(request, response, (who) => nsq.handleRequest(request, response, who));
    };
    this.#listenHttp("nsqHttp", "NSQ HTTP listener", nsqHttpListen, { onRequest });
    if (nsqHttpsListen === "off") return;
    // With `any` it must be there, whatever it is, which TLS of Node.js does not ask for.
    const clientAuth = nsqTlsClientAuth(this.#options);
    const onSecureRequest: HttpHandlers["onRequest"] = (request, response) => {
      if (clientAuth === "any" && (request.socket as TLSSocket).getPeerX509Certificate() === undefined)
        request.socket.destroy();
      else onRequest(request, response);
    };
    const tls = this.#tls(this.#nsqTlsFiles, clientAuth === "any" ? "request" : clientAuth);
    this.#listenHttp("nsqHttps", "NSQ HTTPS listener", nsqHttpsListen, { onRequest: onSecureRequest }, tls);
  }

  /** Undefined when both of its listeners are off. */
  #composeLookupd(flusher: TurnFlusher): LookupdServer | undefined {
    const options = this.#options;
    if (options.lookupdTcpListen === "off" && options.lookupdHttpListen === "off") return undefined;
    return new LookupdServer({
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#metrics,
      flusher,
      address: () => lookupdAddress(options, this.#address("lookupdTcp"), this.#address("lookupdHttp")),
      inactiveProducerTimeoutMs: options.lookupdInactiveProducerTimeoutMs,
      tombstoneLifetimeMs: options.lookupdTombstoneLifetimeMs,
    });
  }

  /** What tells nsqlookupds, here and elsewhere, of the topics and channels here. */
  #composeLookupds(broker: Broker, flusher: TurnFlusher, own: LookupdServer | undefined): LookupdPeers {
    return new LookupdPeers({
      broker,
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#metrics,
      flusher,
      addresses: this.#options.lookupdTcpAddresses,
      ownRegistry: own?.registry,
      node: () => nsqdAddress(this.#options, this.#address("nsqTcp"), this.#address("nsqHttp")),
    });
  }

  #listenLookupd(lookupd: LookupdServer): void {
    const { lookupdTcpListen: tcp, lookupdHttpListen: http } = this.#options;
    this.#listenTcp("lookupdTcp", "nsqlookupd listener", tcp, (socket) => lookupd.accept(socket));
    this.#listenHttp("lookupdHttp", "nsqlookupd HTTP listener", http, { onRequest: lookupd.handleRequest });
  }

  #address(listener: string): ListenAddress | undefined {
    return this.#listeners.get(listener)?.address;
  }

  /** MQTT sessions that outlive their connections; the MQTT server opens and closes it, and sets its limits. */
  #sessionStore(state: LevelStateStore): DurableSessionStore {
    const { durability, logSyncIntervalMs: syncIntervalMs } = this.#options;
    return new DurableSessionStore({
      storage: new FileStorage(join(this.dataDir, "sessions")),
      state,
      clock: this.#clock,
      logger: this.#logger,
      limits: { messagesMax: 0, bytesMax: 0, whenFull: "drop-oldest" },
      trim: (log, offset) => log.trimTo(offset),
      durability,
      syncIntervalMs,
    });
  }

  /** MQTT messages to `$delayed/`; the MQTT server opens and closes it. */
  #deferredQueue(state: LevelStateStore, space: DiskSpace): DeferredQueue {
    const { durability, logSyncIntervalMs: syncIntervalMs } = this.#options;
    const storage = new FileStorage(join(this.dataDir, "delayed"));
    return new DeferredQueue({
      storage,
      state,
      space,
      durability,
      syncIntervalMs,
      clock: this.#clock,
      logger: this.#logger,
    });
  }

  #composeStorage(): { space: DiskSpace; state: LevelStateStore; logs: EmbeddedLogStore; services: Service[] } {
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
    const logs = new EmbeddedLogStore({
      storage: new FileStorage(join(this.dataDir, "logs")),
      state,
      clock: this.#clock,
      logger: this.#logger,
      defaults: {
        durability: options.durability,
        segmentSizeMax: options.logSegmentSize,
        ttlMs: options.logTtlMs,
        retentionMs: options.logRetentionMs,
        retentionBytes: options.logRetentionBytes,
        retentionUnfinished: options.logRetentionUnfinished,
        depthRecords: options.logDepthRecords,
        depthBytes: options.logDepthBytes,
        whenFull: options.logWhenFull,
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

  #routes(broker: Broker, space: DiskSpace, rpc: RpcServer, accept: (stream: ByteStream) => void): HttpRoute[] {
    const { mqttPacketSizeMax: packetSizeMax, webOrigins: origins } = this.#options;
    const webMqtt = new MqttWebSocket({ clock: this.#clock, packetSizeMax, origins, accept });
    return [
      {
        path: "/mqtt",
        methods: [],
        open: true, // CONNECT has the credentials.
        handle: (_request, response) => {
          response.setHeader("upgrade", "websocket");
          sendJson(response, 426, { error: "/mqtt is for WebSockets with the subprotocol mqtt" });
        },
        upgrade: (request, socket, head) => webMqtt.handleUpgrade(request, socket, head),
      },
      {
        path: "/rpc",
        methods: [],
        handle: (request, response, principal) => rpc.handleRequest(request, response, principal),
        upgrade: (request, socket, head, principal) => rpc.handleUpgrade(request, socket, head, principal),
      },
      {
        path: "/health",
        open: true,
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
    ];
  }

  #listenTcp(key: string, name: string, address: ListenAddress | "off", accept: TcpAccept, readsShared = false): void {
    if (address === "off") return;
    const { connectionsMax } = this.#options;
    this.#listeners.set(key, new TcpListener({ name, ...address, connectionsMax, accept, readsShared }));
  }

  #listenTls(key: string, name: string, address: ListenAddress | "off", accept: (stream: ByteStream) => void): void {
    if (address === "off") return;
    const { connectionsMax } = this.#options;
    const tls = this.#tls(this.#tlsFiles);
    const listener = new TlsListener({ name, ...address, connectionsMax, tls: tls.settings, accept });
    this.#tlsListeners.push({ listener, files: tls.files });
    this.#listeners.set(key, listener);
  }

  #listenHttp(
    key: string,
    name: string,
    address: ListenAddress | "off",
    handlers: HttpHandlers,
    tls?: TlsSource,
  ): void {
    if (address === "off") return;
    const { connectionsMax } = this.#options;
    const listener = new HttpListener({
      name,
      address,
      connectionsMax,
      clock: this.#clock,
      tls: tls?.settings,
      ...handlers,
    });
    if (tls !== undefined) this.#tlsListeners.push({ listener, files: tls.files });
    this.#listeners.set(key, listener);
  }

  /** The certificates are there once the services before the listeners have started. */
  #tls(files: TlsFiles | undefined, clientAuth = this.#options.tlsClientAuth): TlsSource {
    return { files: files!, settings: { certificates: () => files!.certificates, clientAuth } };
  }
}

interface CertificateHolder {
  replaceCertificates(certificates: TlsCertificates): void;
}

/** What a listener speaks TLS with, and where that is renewed from. */
interface TlsSource {
  readonly files: TlsFiles;
  readonly settings: TlsSettings;
}

type TcpAccept = ConstructorParameters<typeof TcpListener>[0]["accept"];
type HttpHandlers = Pick<ConstructorParameters<typeof HttpListener>[0], "onRequest" | "onUpgrade">;
