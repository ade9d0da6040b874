import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { acceptShared } from "./shared-read.ts";
import { listen, TcpListener } from "./tcp-listener.ts";

/** A server that listens as soon as it is asked to, or fails. */
class PretendedServer extends EventEmitter {
  readonly failure: Error | undefined;

  constructor(failure?: Error) {
    super();
    this.failure = failure;
  }

  listen(_options: object, onListening: () => void): void {
    if (this.failure === undefined) onListening();
    else this.emit("error", this.failure);
  }
}

test("goes on when connections cannot be accepted", async () => {
  const server = new PretendedServer();
  await listen(server as unknown as Server, "NSQ listener", { host: "127.0.0.1", port: 0 });
  for (let i = 0; i < 3; i++) server.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }));
});

test("says why it cannot listen", async () => {
  const server = new PretendedServer(Object.assign(new Error("bind"), { code: "EACCES" }));
  const address = { host: "127.0.0.1", port: 80 };
  await assert.rejects(listen(server as unknown as Server, "HTTP listener", address), {
    code: "transport.LISTEN_REFUSED",
  });
});

test("listens on a Unix socket when the host is a path", async () => {
  const server = new PretendedServer();
  const asked: object[] = [];
  server.listen = (options, onListening) => {
    asked.push(options);
    onListening();
  };
  await listen(server as unknown as Server, "NSQ listener", { host: "/run/nsqd.sock", port: 0 });
  assert.deepEqual(asked, [{ path: "/run/nsqd.sock", backlog: 1024 }]);
});

test("says what to do about a Unix socket that a crash left", async () => {
  const server = new PretendedServer(Object.assign(new Error("bind"), { code: "EADDRINUSE" }));
  const address = { host: "/run/nsqd.sock", port: 0 };
  await assert.rejects(listen(server as unknown as Server, "NSQ listener", address), {
    code: "transport.SOCKET_IN_USE",
    message: /remove the file/,
  });
});

// Over loopback, because what Node does with the handle of a socket is what is tested.

/** A client of a listener on a free port, and the socket that was accepted for it. */
async function connected(connectionsMax = 10, host = "127.0.0.1") {
  const accepted: Socket[] = [];
  const accept = (socket: Socket) => accepted.push(socket);
  const address = { host, port: 0 };
  const listener = new TcpListener({ name: "test", ...address, connectionsMax, accept, readsShared: true });
  await listener.start();
  const client = host.includes("/") ? connect(host) : connect(listener.address);
  while (accepted.length === 0) await turn();
  const chunks: Buffer[] = [];
  const socket = accepted[0]!;
  socket.on("data", (chunk) => chunks.push(chunk));
  const stop = async () => {
    client.destroy();
    await listener.stop();
  };
  return { listener, client, socket, chunks, stop };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("keeps what it read when sockets share a buffer", async () => {
  const { client, chunks, socket, stop } = await connected();
  client.write("first");
  while (chunks.length < 1) await turn();
  client.write("other");
  while (chunks.length < 2) await turn();
  assert.deepEqual(chunks.map(String), ["first", "other"]);
  const [ended, closed, answered] = [once(socket, "end"), once(socket, "close"), once(client, "data")];
  client.end();
  await ended;
  socket.end("last words");
  assert.equal(String((await answered)[0]), "last words");
  await closed;
  await stop();
});

test("reads Unix sockets into the buffer, too", async (context) => {
  const directory = mkdtempSync(join(tmpdir(), "polylog-test-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const { client, chunks, stop } = await connected(10, join(directory, "socket"));
  client.write("first");
  while (chunks.length < 1) await turn();
  assert.deepEqual(chunks.map(String), ["first"]);
  await stop();
});

test("does not read what is paused when sockets share a buffer", async () => {
  const { client, chunks, socket, stop } = await connected();
  socket.pause();
  client.write("later");
  for (let i = 0; i < 20; i++) await turn();
  assert.equal(chunks.length, 0);
  socket.resume();
  while (chunks.length === 0) await turn();
  assert.equal(String(chunks[0]), "later");
  await stop();
});

test("leaves a server alone whose handle is not as it should be", () => {
  const refuse = () => assert.fail("nobody was to be accepted");
  const options = { allowHalfOpen: true, highWaterMark: 1024 };
  for (const server of [{}, { _handle: null }, { _handle: {} }, { _handle: { onconnection: refuse } }])
    acceptShared(server as unknown as Server, options, refuse);
  const server = {
    _connections: 1,
    maxConnections: 1,
    _handle: { onconnection: (failure: number) => seen.push(failure) },
  };
  const seen: number[] = [];
  acceptShared(server as unknown as Server, options, refuse);
  const { onconnection } = server._handle as unknown as { onconnection(failure: number, handle?: object): void };
  onconnection.call(server._handle, -24);
  onconnection.call(server._handle, 0, {});
  onconnection.call(server._handle, 0, { useUserBuffer: refuse });
  assert.deepEqual(seen, [-24, 0, 0]);
});

test("counts connections when sockets share a buffer", async () => {
  const { listener, client, socket, stop } = await connected(1);
  const second = connect(listener.address);
  await once(second, "close");
  assert.equal(listener.refusedCount, 1);
  const closed = once(socket, "close");
  client.destroy();
  socket.end();
  await closed;
  const third = connect(listener.address);
  await once(third, "connect");
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(listener.refusedCount, 1);
  third.destroy();
  await stop();
});
