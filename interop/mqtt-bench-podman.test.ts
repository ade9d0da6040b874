/**
 * `mqtt-bench` against a broker in a container of podman, whose service answers as a Docker Engine does: the container is
 * found by its port, over the engine's socket, TCP and TLS, and what it uses is reported.
 *
 * No registry is asked for an image: it is made of this machine's mosquitto and the libraries that it is linked with. Where
 * podman is not allowed to start a container, the test is skipped and says what podman said.
 */

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { authorityCert, clientCertificate, freePort, serverCertificate, temporaryDirectory } from "@polylog/testkit";
import { findTool, missingTools } from "./outside-tools.ts";

const command = fileURLToPath(new URL("../../packages/loadgen/bin/mqtt-bench.js", import.meta.url));
const run = promisify(execFile);
const name = "mqtt-bench-test";
const entryPoint = '["/usr/sbin/mosquitto","-c","/etc/mosquitto.conf"]';

interface Result {
  readonly counters: Readonly<Record<string, number>>;
  readonly delivery: Readonly<Record<string, number>>;
  readonly targetCost?: Readonly<Record<string, number>> & { readonly what: string };
}

/** podman with a storage of its own, which goes with the test. */
class Podman {
  readonly folder: string;
  readonly socketPath: string;
  readonly #services: ChildProcess[] = [];
  readonly #flags: readonly string[];

  constructor(folder: string) {
    this.folder = folder;
    this.socketPath = join(folder, "engine.sock");
    // runc also runs where control groups of both versions are mounted.
    const runtime = findTool("runc") === undefined ? [] : ["--runtime=runc"];
    const places = [`--root=${join(folder, "storage")}`, `--runroot=${join(folder, "run")}`];
    this.#flags = [...places, "--storage-driver=vfs", "--cgroup-manager=cgroupfs", ...runtime];
  }

  async run(...argv: readonly string[]): Promise<void> {
    await run("podman", [...this.#flags, ...argv], { timeout: 60_000 });
  }

  /** Answers as an engine does, at this address. */
  serve(address: string): void {
    this.#services.push(
      spawn("podman", [...this.#flags, "system", "service", "--time=0", address], { stdio: "ignore" }),
    );
  }

  /** Nothing of it is left running. */
  async stop(): Promise<void> {
    await this.run("rm", "--force", "--time=0", "--all").catch(() => undefined);
    for (const service of this.#services) {
      service.kill("SIGKILL");
      await once(service, "close");
    }
  }
}

/** Rejects with what podman said when it may not do what it is told here. */
async function startContainer(podman: Podman, network: string): Promise<void> {
  const { folder } = podman;
  const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=512:512"];
  const archive = join(folder, "image.tar");
  const root = join(folder, "root");
  const mosquitto = findTool("mosquitto")!;
  const { stdout } = await run("ldd", [mosquitto]);
  const copies = [[mosquitto, "/usr/sbin/mosquitto"], ...[...stdout.matchAll(/\/\S+/g)].map(([path]) => [path, path])];
  for (const [from, to] of copies) {
    mkdirSync(join(root, dirname(to!)), { recursive: true });
    cpSync(from!, join(root, to!), { dereference: true });
  }
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/mosquitto.conf"), `listener ${containerPort}\nallow_anonymous true\nuser root\n`);
  await run("tar", ["-C", root, "-cf", archive, "."]);
  await podman.run("import", "-c", `ENTRYPOINT ${entryPoint}`, archive, name);
  await podman.run("run", "-d", `--name=${name}`, ...limits, network, name);
}

const containerPort = 21_883;

async function bench(env: Readonly<Record<string, string>>, port: number): Promise<Result> {
  const flags = ["--port", `${port}`, "--host=127.0.0.1", "--publishers=10", "--rate=200", "--duration=2s"];
  const argv = [command, "run", "straight-run", ...flags, "--warmup=300ms", "--json", "--quiet", "--no-store"];
  const { stdout } = await run(process.execPath, argv, { env: { ...process.env, ...env }, maxBuffer: 64 * 2 ** 20 });
  return JSON.parse(stdout) as Result;
}

function checkCost({ delivery, targetCost }: Result, way: string): void {
  assert.equal(delivery["lost"], 0, way);
  assert.equal(targetCost?.what, `container ${name}`, way);
  for (const figure of ["cpuSeconds", "cpuCoresMean", "cpuSecondsPerMillion", "coresAt100k"]) {
    assert.ok(targetCost![figure]! > 0, `${figure} over ${way}: ${targetCost![figure]}`);
  }
  assert.ok(targetCost!["cpuCoresMax"]! < 64, way);
  assert.ok(targetCost!["memoryBytesMax"]! > 200_000, `${targetCost!["memoryBytesMax"]} bytes over ${way}`);
}

/** Waits until something accepts there. */
async function untilUp(target: { readonly port: number } | { readonly path: string }): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect(target);
    const isUp = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    assert.ok(tries < 200, `nothing accepts at ${JSON.stringify(target)}`);
    await sleep(50);
  }
}

/** The engine's socket behind TLS, for those who have a certificate. */
async function startTlsDoor(t: TestContext, socketPath: string): Promise<number> {
  const terms = { ...serverCertificate, ca: authorityCert, requestCert: true, rejectUnauthorized: true };
  const server = createTlsServer(terms, (client) => {
    const engine = connect(socketPath);
    for (const socket of [client, engine]) socket.on("error", () => undefined);
    client.pipe(engine).pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const skip = missingTools("podman", "mosquitto");

for (const network of ["published", "host"] as const) {
  const title = `finds the broker's container, its port ${network === "host" ? "the host's" : "published"}`;
  test(title, { skip, timeout: 180_000 }, async (t) => {
    const podman = new Podman(temporaryDirectory(t));
    try {
      await measureContainer(t, podman, network);
    } finally {
      await podman.stop(); // Before the directory goes in which container and services have their files.
    }
  });
}

async function measureContainer(t: TestContext, podman: Podman, network: "published" | "host"): Promise<void> {
  const isHost = network === "host";
  const port = isHost ? containerPort : await freePort();
  try {
    await startContainer(podman, isHost ? "--network=host" : `--publish=127.0.0.1:${port}:${containerPort}`);
  } catch (error) {
    const { stderr = String(error) } = error as { stderr?: string };
    return t.skip(`podman cannot run a container here: ${stderr.trim()}`);
  }
  await untilUp({ port });
  podman.serve(`unix://${podman.socketPath}`);
  await untilUp({ path: podman.socketPath });
  checkCost(await bench({ DOCKER_HOST: `unix://${podman.socketPath}` }, port), "its socket");
  if (isHost) return;
  const tcpPort = await freePort();
  podman.serve(`tcp://127.0.0.1:${tcpPort}`);
  await untilUp({ port: tcpPort });
  checkCost(await bench({ DOCKER_HOST: `tcp://127.0.0.1:${tcpPort}` }, port), "TCP");
  const certificates = temporaryDirectory(t);
  for (const [file, text] of Object.entries({ ca: authorityCert, ...clientCertificate })) {
    writeFileSync(join(certificates, `${file}.pem`), text);
  }
  const tlsPort = await startTlsDoor(t, podman.socketPath);
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${tlsPort}`, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certificates };
  checkCost(await bench(env, port), "TLS");
}
