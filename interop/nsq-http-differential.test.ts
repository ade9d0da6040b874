/** The same HTTP requests to nsqd and to Polylog: status, headers that matter and body must be the same. */

import assert from "node:assert/strict";
import { type IncomingHttpHeaders, request as startRequest } from "node:http";
import { test } from "node:test";
import { type NsqPeer, startPeers } from "./nsq-peers.ts";
import { missingTools } from "./outside-tools.ts";

const skip = missingTools("nsqd");

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const binary = Buffer.concat([int32(2), int32(1), Buffer.from("a"), int32(2), Buffer.from("bc")]);

/** One after another on both: later ones see what earlier ones left. */
const requests: readonly (readonly [method: string, target: string, body?: string | Buffer])[] = [
  ["GET", "/ping"],
  ["HEAD", "/ping"],
  ["POST", "/ping"],
  ["GET", "/nothing"],
  ["GET", "/PING"],
  ["GET", "/ping/"],
  ["POST", "/pub/?topic=a", "x"],
  ["OPTIONS", "/pub"],
  ["GET", "/pub"],
  ["GET", "/stats?format=json&include_mem=false"],
  ["GET", "/stats?format=json&include_mem=false&topic=unknown"],
  ["GET", "/stats?format=json&include_mem=false&channel=unknown"],
  ["POST", "/pub", "x"],
  ["POST", "/pub?topic=", "x"],
  ["POST", "/pub?topic=a$", "x"],
  ["POST", "/pub?topic=a"],
  ["POST", "/pub?topic=%zz", "x"],
  ["POST", "/pub?topic=a;b", "x"],
  ["POST", "/pub?topic=a&topic=b", "x"],
  ["POST", "/pub?topic=a&defer=x", "x"],
  ["POST", "/pub?topic=a&defer=-1", "x"],
  ["POST", "/pub?topic=a&defer=3600001", "x"],
  ["POST", "/pub?topic=a", Buffer.alloc(1_048_577, "x")],
  ["POST", "/mpub", "x"],
  ["POST", "/mpub?topic=m", "a\nb\r\n\n\nc"],
  ["POST", "/mpub?topic=m", ""],
  ["POST", "/mpub?topic=m&binary=true", binary],
  ["POST", "/mpub?topic=m&binary=odd", binary],
  ["POST", "/mpub?topic=m&binary=0", "x\ny\n"],
  ["POST", "/mpub?topic=m&binary=1", "x"],
  ["POST", "/mpub?topic=m&binary=1", Buffer.concat([int32(1), int32(0)])],
  ["POST", "/topic/create"],
  ["POST", "/topic/create?topic=x$"],
  ["POST", "/topic/create?topic=t"],
  ["POST", "/topic/create?topic=t"],
  ["POST", "/topic/pause?topic=nope"],
  ["POST", "/topic/pause?topic=t"],
  ["POST", "/topic/unpause?topic=t"],
  ["POST", "/topic/empty?topic=x$"],
  ["POST", "/topic/empty?topic=nope"],
  ["POST", "/topic/empty?topic=t"],
  ["POST", "/topic/delete"],
  ["POST", "/topic/delete?topic=x$"],
  ["POST", "/channel/create?topic=t"],
  ["POST", "/channel/create?topic=t$&channel=c"],
  ["POST", "/channel/create?topic=t&channel=c$"],
  ["POST", "/channel/create?topic=nope&channel=c"],
  ["POST", "/channel/create?topic=t&channel=c"],
  ["POST", "/channel/pause?topic=t&channel=nope"],
  ["POST", "/channel/pause?topic=t&channel=c"],
  ["GET", "/stats?format=json&include_mem=false&topic=t"],
  ["GET", "/stats?format=json&include_mem=0&include_clients=0&topic=t"],
  ["POST", "/channel/unpause?topic=t&channel=c"],
  ["POST", "/channel/empty?topic=t&channel=c"],
  ["POST", "/channel/delete?topic=t&channel=c"],
  ["POST", "/channel/delete?topic=t&channel=c"],
  ["POST", "/topic/delete?topic=t"],
  ["POST", "/topic/delete?topic=t"],
  ["GET", "/config/nope"],
  ["GET", "/config/node_id"],
  ["GET", "/config/log_level"],
  ["GET", "/config/max_msg_size"],
  ["GET", "/config/max_msg_timeout"],
  ["GET", "/config/output_buffer_timeout"],
  ["GET", "/config/auth_http_addresses"],
  ["GET", "/config/e2e_processing_latency_percentiles"],
  ["GET", "/config/snappy"],
  ["GET", "/config/tls_required"],
  ["PUT", "/config/log_level", "nonsense"],
  ["PUT", "/config/log_level"],
  ["PUT", "/config/log_level", "error"],
  ["PUT", "/config/max_msg_size", "5"],
  ["POST", "/config/log_level", "error"],
  ["POST", "/debug/freememory"],
  ["PUT", "/debug/setblockrate?rate=5"],
  ["PUT", "/debug/setblockrate?rate=x"],
  ["PUT", "/debug/setblockrate"],
  ["POST", "/put?topic=a", "x"],
];

interface Answer {
  readonly status: number | undefined;
  readonly headers: Pick<IncomingHttpHeaders, "allow" | "location" | "content-type" | "x-nsq-content-type">;
  readonly body: string;
}

function ask(peer: NsqPeer, method: string, path: string, body: string | Buffer | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: peer.httpPort, method, path, agent: false };
    const request = startRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const { allow, location, "content-type": type, "x-nsq-content-type": version } = response.headers;
        const headers = { allow, location, "content-type": type, "x-nsq-content-type": version };
        resolve({ status: response.statusCode, headers, body: comparable(Buffer.concat(chunks).toString("latin1")) });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Without what differs between two runs of one server, and what the deviations of /stats are (docs/nsq.md). */
function comparable(body: string): string {
  return body
    .replace(/"start_time":\d+/, '"start_time":0')
    .replace(/"backend_depth":\d+/g, '"backend_depth":0')
    .replace(/,"topology_zone":"","topology_region":""/g, "");
}

test("answers every HTTP request as nsqd does", { skip }, async (t) => {
  const [nsqd, polylog] = await startPeers(t, { nsqd: ["--log-level=info"] });
  for (const [index, [method, target, body]] of requests.entries()) {
    const [theirs, ours] = await Promise.all([ask(nsqd, method, target, body), ask(polylog, method, target, body)]);
    await t.test(`${index} ${method} ${target}`, () => assert.deepEqual(ours, theirs));
  }
});
