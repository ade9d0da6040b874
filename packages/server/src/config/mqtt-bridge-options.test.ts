import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bridgeConfigs,
  findBridgeConflicts,
  findBridgeProblem,
  findBridgeTopicProblem,
} from "./mqtt-bridge-options.ts";

function parse(mqttBridge: readonly string[], mqttBridgeTopic: readonly string[]) {
  for (const text of mqttBridge) assert.equal(findBridgeProblem(text), undefined);
  for (const text of mqttBridgeTopic) assert.equal(findBridgeTopicProblem(text), undefined);
  return bridgeConfigs({ mqttBridge, mqttBridgeTopic }, "host");
}

test("a bridge has defaults", () => {
  assert.deepEqual(parse(["a=mqtt://broker"], ["a=x/#"]), [
    {
      name: "a",
      host: "broker",
      port: 1883,
      tls: undefined,
      clientId: "polylog-host-a",
      userName: undefined,
      password: undefined,
      passwordFile: undefined,
      version: "auto",
      keepAliveSeconds: 60,
      rules: [{ pattern: "x/#", direction: "out", qos: 1, localPrefix: "", remotePrefix: "" }],
    },
  ]);
});

test("a URL says everything else", () => {
  const url = "mqtts://a%40b:p%3Aw@[::1]:99?ca=/ca&cert=/c&key=/k&version=3.1.1&client-id=me&keep-alive=5m";
  const [config] = parse([`a=${url}`], []);
  const { host, port, tls, clientId, userName, password, version, keepAliveSeconds } = config!;
  assert.deepEqual([host, port, userName, password], ["::1", 99, "a@b", "p:w"]);
  assert.deepEqual(tls, { ca: "/ca", cert: "/c", key: "/k" });
  assert.deepEqual([version, clientId, keepAliveSeconds], ["3.1.1", "me", 300]);
  const [other] = parse(["b=mqtts://u@h?password-file=/p"], []);
  assert.deepEqual([other!.port, other!.passwordFile], [8883, "/p"]);
});

test("topics are written as in mosquitto.conf", () => {
  const topics = ['a=x/# both 2 here/ "over there/"', 'a="with space" in 0', 'a=y out 1 "" z/', "b=other"];
  assert.deepEqual(parse(["a=mqtt://h"], topics)[0]!.rules, [
    { pattern: "x/#", direction: "both", qos: 2, localPrefix: "here/", remotePrefix: "over there/" },
    { pattern: "with space", direction: "in", qos: 0, localPrefix: "", remotePrefix: "" },
    { pattern: "y", direction: "out", qos: 1, localPrefix: "", remotePrefix: "z/" },
  ]);
});

const refusedBridges: readonly (readonly [text: string, problem: RegExp])[] = [
  ["mqtt://h", /^write NAME=URL/],
  ["a b=mqtt://h", /^name "a b"/],
  ["a=h:1883", /neither with mqtt:\/\/ nor/],
  ["a=//", /not a URL/],
  ["a=mqtt://h/topic", /has a path/],
  ["a=mqtt://h?cafile=x", /unknown parameter "cafile"; there are ca, cert/],
  ["a=mqtt://h?ca=/x", /ca needs mqtts/],
  ["a=mqtts://h?cert=/x", /need each other/],
  ["a=mqtt://:secret@h", /a password and no user/],
  ["a=mqtt://u:secret@h?password-file=/x", /a password and a password-file/],
  ["a=mqtt://h?version=4", /version is not one of auto, 5, 3\.1\.1/],
  ["a=mqtt://h?keep-alive=0s", /keep-alive is not a time/],
];

for (const [text, problem] of refusedBridges)
  test(`refuses ${text}`, () => assert.match(findBridgeProblem(text) ?? "", problem));

const refusedTopics: readonly (readonly [text: string, problem: RegExp])[] = [
  ["a", /^write NAME=PATTERN/],
  ["a=", /^write NAME=PATTERN/],
  ["a=x sideways", /direction "sideways" is not one of out, in, both/],
  ["a=x out 3", /QoS "3"/],
  ["a=x out 1 a/ b/ c/", /"c\/" is one word too many/],
  ['a=x out 1 "a/', /a quote is not closed/],
  ["a=x out 1 +/", /has a wildcard/],
  ["a=#/x", /stand alone/],
  ["a=$share/g/x in", /a shared subscription/],
  ["a=# out 1 site", /with prefix "site" /],
];

for (const [text, problem] of refusedTopics)
  test(`refuses topic ${text}`, () => assert.match(findBridgeTopicProblem(text) ?? "", problem));

test("bridges and topics need each other", () => {
  const problems = (mqttBridge: readonly string[], mqttBridgeTopic: readonly string[]) =>
    [...findBridgeConflicts({ mqttBridge, mqttBridgeTopic })].map(({ problem }) => problem);
  assert.deepEqual(problems(["a=mqtt://h"], ["a=x"]), []);
  assert.match(problems(["a=mqtt://h"], [])[0]!, /nothing goes over "a"/);
  assert.match(problems([], ["b=x"])[0]!, /there is no --mqtt-bridge "b"/);
  assert.match(problems(["a=mqtt://h", "a=mqtt://i"], ["a=x"])[0]!, /"a" is given twice/);
});
