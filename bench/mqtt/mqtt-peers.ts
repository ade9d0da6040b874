/**
 * The MQTT brokers that are compared, each with what it needs to do its best here: no log, no persistence, no Nagle, room
 * for what the generator has on its way. Aedes is installed by npm into `.build/peers` when it is asked for and not there.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serverCertificate, writeTlsFiles } from "@polylog/testkit";
import { findCommand, freePort, type Peer, startPeer, startPolylog } from "../peers.ts";

export const peerNames = ["Polylog", "mosquitto", "NATS", "Aedes"] as const;
export type PeerName = (typeof peerNames)[number];
export type Setup = "plain" | "tls" | "captured";

const aedesVersion = "1.2.0";
const aedesDir = fileURLToPath(new URL("../../../.build/peers", import.meta.url));
const aedesProgram = `
  import { Aedes } from "aedes";
  import { createServer } from "node:net";
  const broker = await Aedes.createBroker();
  createServer({ noDelay: true }, broker.handle).listen(Number(process.env.PORT), "127.0.0.1");
`;

export function startMqttPeer(name: PeerName, setup: Setup): Promise<Peer> {
  return starters[name](setup);
}

/** Of those that are installed, with their versions. */
export function findPeers(mayInstall: boolean): ReadonlyMap<PeerName, string> {
  const found = new Map<PeerName, string>([["Polylog", `on Node.js ${process.versions.node}`]]);
  const mosquitto = mosquittoCommand();
  if (mosquitto !== undefined) found.set("mosquitto", firstLineOf(mosquitto, ["-h"]));
  const nats = natsCommand();
  if (nats !== undefined) found.set("NATS", firstLineOf(nats, ["--version"]));
  if (mayInstall) installAedes();
  const manifest = join(aedesDir, "node_modules/aedes/package.json");
  if (existsSync(manifest))
    found.set("Aedes", (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version);
  return found;
}

const starters: Readonly<Record<PeerName, (setup: Setup) => Promise<Peer>>> = {
  Polylog: startOurs,
  mosquitto: startMosquitto,
  NATS: startNats,
  Aedes: startAedes,
};

function startOurs(setup: Setup): Promise<Peer> {
  if (setup === "captured") return startPolylog("mqtt", ["--capture=bench=bench/#"]);
  if (setup !== "tls") return startPolylog("mqtt");
  const files = writeTlsFiles(mkdtempSync(join(tmpdir(), "polylog-tls-")), serverCertificate);
  return startPolylog("mqttTls", ["--mqtt-tls-listen=127.0.0.1:0", ...files]);
}

async function startMosquitto(setup: Setup): Promise<Peer> {
  const dir = mkdtempSync(join(tmpdir(), "mosquitto-bench-"));
  const port = await freePort();
  const config = join(dir, "mosquitto.conf");
  const lines = ["allow_anonymous true", "persistence false", "log_type none", "set_tcp_nodelay true"];
  const queues = ["max_inflight_messages 100", "max_queued_messages 0"];
  const tls: string[] = [];
  if (setup === "tls") {
    writeTlsFiles(dir, serverCertificate);
    tls.push(`certfile ${join(dir, "server.pem")}`, `keyfile ${join(dir, "server.key")}`);
  }
  writeFileSync(config, [`listener ${port} 127.0.0.1`, ...tls, ...lines, ...queues, "user root", ""].join("\n"));
  return startPeer("mosquitto", mosquittoCommand()!, ["-c", config], port, dir);
}

async function startNats(setup: Setup): Promise<Peer> {
  const dir = mkdtempSync(join(tmpdir(), "nats-bench-"));
  const [port, clients] = [await freePort(), await freePort()];
  let tls = "";
  if (setup === "tls") {
    writeTlsFiles(dir, serverCertificate);
    tls = `tls { cert_file: "${join(dir, "server.pem")}", key_file: "${join(dir, "server.key")}" }`;
  }
  const config = join(dir, "nats.conf");
  const text = `
    server_name: bench
    listen: "127.0.0.1:${clients}"
    jetstream { store_dir: "${dir}" }
    mqtt { listen: "127.0.0.1:${port}", max_ack_pending: 65535, ${tls} }
  `;
  writeFileSync(config, text);
  return startPeer("NATS", natsCommand()!, ["-c", config], port, dir);
}

async function startAedes(): Promise<Peer> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), "aedes-bench-"));
  const program = join(aedesDir, "broker.mjs");
  writeFileSync(program, aedesProgram);
  return startPeer("Aedes", process.execPath, [program], port, dir, { PORT: `${port}` });
}

function installAedes(): void {
  if (existsSync(join(aedesDir, "node_modules/aedes"))) return;
  mkdirSync(aedesDir, { recursive: true });
  writeFileSync(join(aedesDir, "package.json"), "{}");
  process.stdout.write(`installing Aedes ${aedesVersion} into ${aedesDir}\n`);
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"];
  spawnSync("npm", ["install", ...flags, `aedes@${aedesVersion}`], { cwd: aedesDir, stdio: "ignore" });
}

function mosquittoCommand(): string | undefined {
  return findCommand("mosquitto", ["/usr/sbin"]);
}

/** One that was installed by Go is newer than the distribution's. */
function natsCommand(): string | undefined {
  const own = join(homedir(), "go", "bin", "nats-server");
  return existsSync(own) ? own : findCommand("nats-server", ["/usr/sbin"]);
}

function firstLineOf(command: string, args: readonly string[]): string {
  return spawnSync(command, args, { encoding: "utf8" }).stdout.split("\n", 1)[0]!;
}
