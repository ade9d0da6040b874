/** What `polylog serve` prints when it is ready: where, which data, and one command to try for each protocol. */

import { isSocketPath } from "@polylog/base/transport";
import type { ReadyReport } from "./ready-file.ts";

const listenerTitles: Readonly<Record<string, string>> = {
  mqtt: "MQTT",
  mqttTls: "MQTT (TLS)",
  nsqTcp: "NSQ (TCP)",
  nsqHttp: "NSQ (HTTP)",
  nsqHttps: "NSQ (HTTPS)",
  lookupdTcp: "nsqlookupd (TCP)",
  lookupdHttp: "nsqlookupd (HTTP)",
  http: "HTTP",
  httpTls: "HTTPS",
};

const titleWidth = Math.max(...Object.values(listenerTitles).map((title) => title.length));

export function renderBanner({ pid, version, listeners }: ReadyReport, dataDir: string): string {
  const lines = [`Polylog ${version} is ready (pid ${pid}); Ctrl-C stops it.`, ""];
  for (const [name, { host, port }] of Object.entries(listeners))
    lines.push(
      `  ${(listenerTitles[name] ?? name).padEnd(titleWidth)} ${isSocketPath(host) ? host : `${host}:${port}`}`,
    );
  lines.push(`  ${"Data".padEnd(titleWidth)} ${dataDir}`);
  const commands = tryCommands(listeners);
  if (commands.length > 0) lines.push("", "Try, in another terminal:", ...commands.map((command) => `  ${command}`));
  return `${lines.join("\n")}\n`;
}

function tryCommands({ mqtt, nsqHttp, http }: ReadyReport["listeners"]): string[] {
  const commands: string[] = [];
  if (nsqHttp !== undefined)
    commands.push(`curl -d 'one order' 'http://${nsqHttp.host}:${nsqHttp.port}/pub?topic=orders'`);
  if (mqtt !== undefined)
    commands.push(`npx mqtt pub -h ${mqtt.host} -p ${mqtt.port} -q 1 -t orders -m 'another order'`);
  if (http !== undefined) {
    const request =
      '{"jsonrpc":"2.0","id":1,"method":"consume","params":{"log":"orders","from":"earliest","encoding":"utf8"}}';
    commands.push(`curl -H 'content-type: application/json' -d '${request}' http://${http.host}:${http.port}/rpc`);
  }
  return commands;
}
