/**
 * Against recorded answers of an Engine API 1.43, through the client that is used; `interop/mqtt-bench-podman.test.ts` asks
 * an engine that runs.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { authorityCert, clientCertificate, serverCertificate, temporaryDirectory } from "@polylog/testkit";
import {
  type Engine,
  engineOptions,
  findContainerAt,
  findContainerNamed,
  openEngine,
  readContainerUsage,
} from "./docker-engine.ts";

const listed = [
  { Id: "aaa111", Names: ["/web"], Image: "nginx", Ports: [{ PrivatePort: 80, PublicPort: 1884, Type: "tcp" }] },
  {
    Id: "bbb222",
    Names: ["/broker"],
    Image: "eclipse-mosquitto:2",
    Ports: [{ PrivatePort: 1883, PublicPort: 21883, Type: "tcp" }],
  },
  { Id: "ccc333", Names: ["/other"], Image: "emqx/emqx", Ports: [], HostConfig: { NetworkMode: "host" } },
  {
    Id: "ddd444",
    Names: ["/inside"],
    Image: "emqx/emqx",
    Ports: [],
    NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.9" } } },
  },
];

const version2 = {
  cpu_stats: { cpu_usage: { total_usage: 5_000_000_000 }, system_cpu_usage: 90_000_000_000, online_cpus: 4 },
  memory_stats: { usage: 100_000_000, limit: 8_000_000_000, stats: { inactive_file: 40_000_000, anon: 1 } },
  networks: { eth0: { rx_bytes: 10, tx_bytes: 20 }, eth1: { rx_bytes: 1, tx_bytes: 2 } },
};

const version1 = {
  cpu_stats: { cpu_usage: { total_usage: 7, percpu_usage: [3, 4] }, system_cpu_usage: 9 },
  memory_stats: { usage: 100, limit: 200, stats: { total_inactive_file: 30, inactive_file: 5 } },
};

function engineWith(stats: object): Engine {
  return { listContainers: async () => listed, getContainer: () => ({ stats: async () => stats }) };
}

test("finds a container by name or the beginning of its id", async () => {
  const engine = engineWith({});
  assert.equal((await findContainerNamed(engine, "broker"))?.id, "bbb222");
  assert.equal((await findContainerNamed(engine, "ccc"))?.name, "other");
  assert.equal(await findContainerNamed(engine, "nothing"), undefined);
  assert.equal(await findContainerNamed(engine, ""), undefined);
});

test("finds a container by port, address, process, and image on the host's network", async () => {
  const find = async (port: number, controlGroups?: string, address = "127.0.0.1") =>
    (await findContainerAt(engineWith({}), { address, isLocal: address === "127.0.0.1", port, controlGroups }))?.name;
  assert.equal(await find(21_883), "broker");
  assert.equal(await find(1883), "broker");
  assert.equal(await find(9999), "other");
  assert.equal(await find(1883, "0::/system.slice/mosquitto.service"), undefined);
  assert.equal(await find(1883, "0::/system.slice/docker-ccc333.scope"), "other");
  assert.equal(await find(1883, undefined, "172.17.0.9"), "inside");
  assert.equal(await find(21_883, undefined, "203.0.113.9"), undefined);
});

test("computes memory as docker stats does, with both versions of control groups", async () => {
  const { networkReadBytes, networkWrittenBytes, ...two } = await readContainerUsage(engineWith(version2), "b");
  assert.deepEqual([networkReadBytes, networkWrittenBytes], [11, 22]);
  assert.deepEqual(two, {
    cpuTotalNs: 5e9,
    cpuSystemNs: 90e9,
    cores: 4,
    clockNs: 22.5e9,
    memoryBytes: 60_000_000,
    memoryLimitBytes: 8_000_000_000,
  });
  const one = await readContainerUsage(engineWith(version1), "b");
  assert.deepEqual([one.cores, one.memoryBytes], [2, 70]);
  assert.equal((await readContainerUsage(engineWith({}), "b")).memoryBytes, 0);
});

test("reads Docker's variables", async () => {
  const read = (env: Record<string, string>) =>
    Object.fromEntries(Object.entries(engineOptions(env)).filter(([, value]) => value !== undefined));
  assert.deepEqual(read({}), { protocol: "http", socketPath: "/var/run/docker.sock" });
  assert.deepEqual(read({ DOCKER_HOST: "unix:///run/x.sock" }), { protocol: "http", socketPath: "/run/x.sock" });
  assert.deepEqual(read({ DOCKER_HOST: "tcp://10.0.0.1:99" }), { protocol: "http", host: "10.0.0.1", port: 99 });
  assert.deepEqual(read({ DOCKER_HOST: "tcp://[::1]", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/none" }), {
    protocol: "https",
    host: "::1",
    port: 2376,
  });
  await assert.rejects(openEngine({ DOCKER_HOST: "ssh://a" }), { code: "loadgen.ENGINE_FAILED" });
});

/** What the engine answers: containers, and usage of the one that is there. */
const answer: RequestListener = ({ url = "" }, response) => {
  const body = url.startsWith("/containers/json") ? listed : url.startsWith("/containers/bbb222/stats") && version2;
  response.writeHead(body === false ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(body === false ? { message: "No such container" } : body));
};

/** Asks what a benchmark asks. */
async function ask(env: Record<string, string>): Promise<void> {
  const engine = (await openEngine(env))!;
  const container = await findContainerAt(engine, {
    address: "127.0.0.1",
    isLocal: true,
    port: 21_883,
    controlGroups: undefined,
  });
  assert.equal(container?.name, "broker");
  assert.equal((await readContainerUsage(engine, container!.id)).cpuTotalNs, 5e9);
  await assert.rejects(readContainerUsage(engine, "gone"), {
    code: "loadgen.ENGINE_FAILED",
    message: /No such container/,
  });
}

test("asks over a socket, and says what went wrong", async (t) => {
  const socketPath = join(temporaryDirectory(t), "d.sock");
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(() => server.close());
  await ask({ DOCKER_HOST: `unix://${socketPath}` });
  const nowhere = (await openEngine({ DOCKER_HOST: "unix:///nowhere/d.sock" }))!;
  await assert.rejects(findContainerNamed(nowhere, "x"), { code: "loadgen.ENGINE_FAILED", message: /ENOENT/ });
});

for (const [family, host] of [
  ["IPv4", "127.0.0.1"],
  ["IPv6", "[::1]"],
] as const) {
  test(`asks over TCP with ${family}`, async (t) => {
    const port = await listen(t, createServer(answer), host.replace(/[[\]]/g, ""));
    if (port === undefined) return t.skip(`no ${family} here`);
    await ask({ DOCKER_HOST: `tcp://${host}:${port}` });
  });
}

test("asks over TLS, with a client certificate, and checks the engine's", async (t) => {
  const { cert, key } = serverCertificate;
  const folder = temporaryDirectory(t);
  for (const [name, text] of Object.entries({ ca: authorityCert, ...clientCertificate })) {
    writeFileSync(join(folder, `${name}.pem`), text);
  }
  const server = createTlsServer({ cert, key, ca: authorityCert, requestCert: true, rejectUnauthorized: true }, answer);
  const port = await listen(t, server, "127.0.0.1");
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}`, DOCKER_TLS_VERIFY: "1" };
  await ask({ ...env, DOCKER_CERT_PATH: folder });
  const untrusting = (await openEngine({ ...env, DOCKER_CERT_PATH: "/none" }))!;
  await assert.rejects(findContainerNamed(untrusting, "x"), {
    code: "loadgen.ENGINE_FAILED",
    message: /SELF_SIGNED|VERIFY/,
  });
});

/** The port; undefined when this machine has no such address. */
async function listen(t: TestContext, server: ReturnType<typeof createServer>, host: string) {
  server.listen(0, host);
  t.after(() => server.close());
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  return (server.address() as AddressInfo).port;
}
