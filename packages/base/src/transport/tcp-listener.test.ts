import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Server } from "node:net";
import { test } from "node:test";
import { listen } from "./tcp-listener.ts";

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
