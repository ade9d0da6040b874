/** Paho, the Python client, at every version and QoS, over TCP, TLS, WebSocket and WebSocket over TLS. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { serverCertificate, startServer, temporaryDirectory, writeTlsFiles } from "@polylog/testkit";
import { preparePython } from "./python-packages.ts";

const timeout = 120_000;
const count = 100;
const script = fileURLToPath(new URL("../paho-client.py", import.meta.url));
const run = promisify(execFile);
const { python, problem } = preparePython("paho-mqtt==2.1.0");

interface Outcome {
  readonly granted: readonly number[];
  readonly live: readonly string[];
  readonly qos: readonly number[];
  readonly users: readonly (readonly [string, string])[];
  readonly sessions: readonly boolean[];
  readonly away: readonly string[];
  readonly retained: readonly [text: string, qos: number, retain: boolean];
}

const doors = {
  TCP: { listener: "mqtt", transport: "tcp", isTls: false },
  TLS: { listener: "mqttTls", transport: "tcp", isTls: true },
  WebSocket: { listener: "http", transport: "websockets", isTls: false },
  "WebSocket over TLS": { listener: "httpTls", transport: "websockets", isTls: true },
} as const;

async function serve(t: TestContext) {
  const directory = temporaryDirectory(t);
  const tlsFlags = writeTlsFiles(directory, serverCertificate);
  const listeners = ["--mqtt-tls-listen=127.0.0.1:0", "--http-tls-listen=127.0.0.1:0"];
  const server = await startServer({ dataDir: join(directory, "data"), flags: [...tlsFlags, ...listeners] });
  t.after(() => server.kill());
  return { server, ca: join(directory, "ca.pem") };
}

const versions = [
  ["3.1", 3],
  ["3.1.1", 4],
  ["5.0", 5],
] as const;

for (const [door, { listener, transport, isTls }] of Object.entries(doors))
  for (const [version, level] of versions) {
    if (level === 3 && door !== "TCP") continue;
    test(`Paho speaks MQTT ${version} over ${door}`, { skip: problem, timeout }, async (t) => {
      const { server, ca } = await serve(t);
      const { port } = server.listeners[listener]!;
      const ask = async (qos: number): Promise<Outcome> => {
        const words = ["localhost", port, level, transport, isTls ? ca : "-", qos, count].map(String);
        const { stdout } = await run(python, [script, ...words], { timeout: 60_000 });
        return JSON.parse(stdout) as Outcome;
      };
      for (const qos of [0, 1, 2]) {
        const outcome = await ask(qos);
        assert.deepEqual(outcome.granted, [qos]);
        assert.deepEqual(
          outcome.live,
          Array.from({ length: count }, (_, i) => String(i)),
        );
        assert.deepEqual(outcome.qos, [qos]);
        assert.deepEqual(outcome.users, level === 5 ? [["unit", "C"]] : []);
        assert.deepEqual(outcome.sessions[1], level > 3); // MQTT 3.1 has no such flag.
        assert.deepEqual(outcome.away, qos > 0 ? ["away", "kept"] : []);
        assert.deepEqual(outcome.retained, ["kept", qos, true]);
      }
    });
  }
