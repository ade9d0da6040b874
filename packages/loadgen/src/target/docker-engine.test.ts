/** Against recorded answers of an Engine API 1.43: no engine can run where these tests do. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "@polylog/testkit";
import { type AskEngine, dockerEngine, engineAddress, findContainer, readContainerUsage } from "./docker-engine.ts";

const listed = [
  { Id: "aaa111", Names: ["/web"], Image: "nginx", Ports: [{ PrivatePort: 80, PublicPort: 1884, Type: "tcp" }] },
  {
    Id: "bbb222",
    Names: ["/broker"],
    Image: "eclipse-mosquitto:2",
    Ports: [{ PrivatePort: 1883, PublicPort: 21883, Type: "tcp" }],
  },
  { Id: "ccc333", Names: ["/other"], Image: "emqx/emqx", Ports: [], HostConfig: { NetworkMode: "host" } },
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

function engineWith(stats: object): AskEngine {
  return async (path) => (path === "/containers/json" ? listed : stats);
}

test("finds a container by name, by port, and by its image on the host's network", async () => {
  const ask = engineWith({});
  assert.equal((await findContainer(ask, 1, "broker"))?.id, "bbb222");
  assert.equal((await findContainer(ask, 1, "ccc"))?.name, "other");
  assert.equal(await findContainer(ask, 1883, "nothing"), undefined);
  assert.equal((await findContainer(ask, 21_883, undefined))?.name, "broker");
  assert.equal((await findContainer(ask, 1883, undefined))?.name, "broker");
  assert.equal((await findContainer(ask, 9999, undefined))?.name, "other");
});

test("computes memory as docker stats does, with both versions of control groups", async () => {
  const { networkReadBytes, networkWrittenBytes, ...two } = await readContainerUsage(engineWith(version2), "b");
  assert.deepEqual([networkReadBytes, networkWrittenBytes], [11, 22]);
  assert.deepEqual(two, {
    cpuTotalNs: 5e9,
    cpuSystemNs: 90e9,
    cores: 4,
    memoryBytes: 60_000_000,
    memoryLimitBytes: 8_000_000_000,
  });
  const one = await readContainerUsage(engineWith(version1), "b");
  assert.deepEqual([one.cores, one.memoryBytes], [2, 70]);
  assert.equal((await readContainerUsage(engineWith({}), "b")).memoryBytes, 0);
});

test("reads Docker's variables", () => {
  assert.deepEqual(engineAddress({}).options, { socketPath: "/var/run/docker.sock" });
  assert.deepEqual(engineAddress({ DOCKER_HOST: "unix:///run/x.sock" }).options, { socketPath: "/run/x.sock" });
  assert.deepEqual(engineAddress({ DOCKER_HOST: "tcp://10.0.0.1:99" }), {
    isTls: false,
    options: { host: "10.0.0.1", port: 99 },
  });
  const { isTls, options } = engineAddress({
    DOCKER_HOST: "tcp://[::1]",
    DOCKER_TLS_VERIFY: "1",
    DOCKER_CERT_PATH: "/none",
  });
  assert.equal(isTls, true);
  assert.deepEqual(options, { host: "::1", port: 2376, ca: undefined, cert: undefined, key: undefined });
  assert.throws(() => engineAddress({ DOCKER_HOST: "ssh://a" }), { code: "loadgen.ENGINE_FAILED" });
});

test("asks over a socket, and says what went wrong", async (t) => {
  const socketPath = join(temporaryDirectory(t), "d.sock");
  const engine = createServer((request, response) => {
    response.statusCode = request.url === "/containers/json" ? 200 : 404;
    response.end(response.statusCode === 200 ? JSON.stringify(listed) : '{"message":"No such container"}');
  });
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  t.after(() => engine.close());
  const ask = dockerEngine({ DOCKER_HOST: `unix://${socketPath}` });
  assert.equal((await findContainer(ask, 1883, undefined))?.name, "broker");
  await assert.rejects(readContainerUsage(ask, "gone"), {
    code: "loadgen.ENGINE_FAILED",
    message: /404 .*No such container/,
  });
  await assert.rejects(dockerEngine({ DOCKER_HOST: "unix:///nowhere/d.sock" })("/x"), { message: /ENOENT/ });
});
