/** AUTH with one authorisation server for both: nsqd and Polylog ask the same and answer the same. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { converse, startPeers } from "./nsq-peers.ts";
import { missingTools } from "./outside-tools.ts";

const skip = missingTools("nsqd");

function sized(line: string, body: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(Buffer.byteLength(body));
  return Buffer.concat([Buffer.from(`${line}\n`), size, Buffer.from(body)]);
}

const everything = { topic: ".*", channels: [".*"], permissions: ["subscribe", "publish"] };
const sub = Buffer.from("SUB orders billing\n");
const pub = sized("PUB orders", "a");
const mpub = Buffer.from("MPUB orders\n");

/** The secret is the name; what the server says to it; what is sent behind AUTH. */
const cases: readonly (readonly [name: string, answer: unknown, steps: readonly Buffer[]])[] = [
  ["everything", { ttl: 60, identity: "<a&b>", identity_url: "u", authorizations: [everything] }, [pub, sub]],
  ["nothing", { ttl: 60, authorizations: [] }, []],
  ["no ttl", { authorizations: [everything] }, []],
  ["no object", [], []],
  ["a word", "x", []],
  ["keys of another case", { TTL: 60, Identity: "a", AUTHORIZATIONS: [everything] }, [pub]],
  ["no channels", { ttl: 60, authorizations: [{ ...everything, channels: [] }] }, [pub]],
  ["another topic", { ttl: 60, authorizations: [{ ...everything, topic: "^order$" }] }, [pub]],
  ["part of the topic", { ttl: 60, authorizations: [{ ...everything, topic: "rder" }] }, [pub]],
  ["only publish", { ttl: 60, authorizations: [{ ...everything, permissions: ["publish"] }] }, [pub, sub]],
  ["only subscribe", { ttl: 60, authorizations: [{ ...everything, permissions: ["subscribe"] }] }, [mpub]],
  ["a channel", { ttl: 60, authorizations: [{ ...everything, channels: ["^bill"] }] }, [sub]],
  ["an unknown permission", { ttl: 60, authorizations: [{ ...everything, permissions: ["own"] }] }, []],
  ["a broken expression", { ttl: 60, authorizations: [{ ...everything, topic: "(" }] }, []],
  ["twice", { ttl: 60, authorizations: [everything] }, [sized("AUTH", "twice")]],
];

test("asks and answers AUTH as nsqd does", { skip }, async (t) => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.accept}`);
    const secret = new URL(request.url ?? "", "http://x").searchParams.get("secret");
    const answer = cases.find(([name]) => name === secret)?.[1];
    response.writeHead(answer === undefined ? 403 : 200);
    response.end(JSON.stringify(answer ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [nsqd, polylog] = await startPeers(t, {
    nsqd: [`--auth-http-address=${address}`],
    polylog: [`--nsq-auth-http-address=${address}`],
  });
  const scripts = [
    ...cases.map(([name, , steps]) => ({ name, steps: [sized("AUTH", name), ...steps] })),
    { name: "a secret nobody knows ~*'()+&", steps: [sized("AUTH", "a secret nobody knows ~*'()+&")] },
    ...[pub, sub, mpub].map((step) => ({ name: `${step.toString("latin1", 0, 4)} before AUTH`, steps: [step] })),
  ];
  for (const { name, steps } of scripts) {
    asked.length = 0;
    const theirs = await converse(nsqd, "  V2", steps);
    const theirQuestions = asked.splice(0);
    const ours = await converse(polylog, "  V2", steps);
    await t.test(name, () => {
      assert.deepEqual(ours, theirs);
      assert.deepEqual(asked, theirQuestions);
    });
  }
});
