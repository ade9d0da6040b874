/**
 * Options for bridges to other MQTT brokers: `--mqtt-bridge` says where each is, `--mqtt-bridge-topic` what goes over it, in
 * the words of mosquitto's `topic` line.
 *
 *     --mqtt-bridge        NAME=mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][?PARAMETER=VALUE&…]
 *     --mqtt-bridge-topic  NAME=PATTERN [out|in|both [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]]
 */

import type { OptionTable } from "@polylog/base/options";
import {
  type BridgeConfig,
  type BridgeDirection,
  type BridgeRule,
  type BridgeVersion,
  bridgeDirections,
  bridgesMax,
  bridgeVersions,
  rulesMax,
} from "@polylog/mqtt-bridge";
import { findTopicFilterProblem } from "./capture-rule.ts";
import { wordsOf } from "./words.ts";

const group = "MQTT";

export const mqttBridgeOptions = {
  mqttBridge: {
    flag: "mqtt-bridge",
    type: "string",
    repeatable: true,
    placeholder: "NAME=URL",
    example: "plant=mqtts://polylog@broker.example:8883?ca=/etc/ssl/plant.pem&password-file=/run/secrets/plant",
    check: findBridgeProblem,
    group,
    help: "Connect to another MQTT broker: mqtt:// or mqtts://, user, host, port; parameters ca, cert, key, password-file, client-id, keep-alive (60s), version (auto, 5, 3.1.1).",
  },
  mqttBridgeTopic: {
    flag: "mqtt-bridge-topic",
    type: "string",
    repeatable: true,
    placeholder: "NAME=TOPIC",
    example: 'plant=sensors/# out 1 "" site7/',
    check: findBridgeTopicProblem,
    group,
    help: 'Topics that go over a bridge: PATTERN, then out (default), in or both, QOS at most (default 1), prefix here, prefix there; "" is an empty prefix.',
  },
} as const satisfies OptionTable;

export interface BridgeOptionValues {
  readonly mqttBridge: readonly string[];
  readonly mqttBridgeTopic: readonly string[];
}

const namePattern = /^[A-Za-z0-9._-]{1,64}$/;
const parameters = ["ca", "cert", "key", "password-file", "client-id", "keep-alive", "version"] as const;
const plainPort = 1883;
const tlsPort = 8883;
const keepAliveDefault = "60s";

/** What is wrong with a bridge's text, or nothing. */
export function findBridgeProblem(text: string): string | undefined {
  const [name, url] = splitName(text);
  if (url === undefined) return "write NAME=URL, such as plant=mqtt://broker.example:1883";
  if (!namePattern.test(name)) return `name "${name}" is not 1 to 64 of a-z A-Z 0-9 . _ -`;
  if (!URL.canParse(url)) return "what follows the name is not a URL";
  const parsed = new URL(url);
  const isTls = parsed.protocol === "mqtts:";
  if (!isTls && parsed.protocol !== "mqtt:") return "the URL begins neither with mqtt:// nor with mqtts://";
  if (parsed.hostname === "") return "the URL names no host";
  if (parsed.pathname !== "" && parsed.pathname !== "/")
    return "the URL has a path; topics belong into --mqtt-bridge-topic";
  const unknown = [...parsed.searchParams.keys()].find((key) => !parameters.some((each) => each === key));
  if (unknown !== undefined) return `unknown parameter "${unknown}"; there are ${parameters.join(", ")}`;
  return findParameterProblem(parsed, isTls);
}

function findParameterProblem({ searchParams: given, username, password }: URL, isTls: boolean): string | undefined {
  const tls = ["ca", "cert", "key"].find((key) => given.has(key));
  if (!isTls && tls !== undefined) return `${tls} needs mqtts://`;
  if (given.has("cert") !== given.has("key")) return "cert and key need each other";
  if (username === "" && (password !== "" || given.has("password-file"))) return "there is a password and no user";
  if (password !== "" && given.has("password-file")) return "there are a password and a password-file";
  const version = given.get("version");
  if (version !== null && !bridgeVersions.some((each) => each === version))
    return `version is not one of ${bridgeVersions.join(", ")}`;
  const seconds = secondsOf(given.get("keep-alive") ?? keepAliveDefault);
  return seconds >= 1 && seconds <= 65_535 ? undefined : "keep-alive is not a time from 1s to 65535s";
}

/** What is wrong with a topic's text, or nothing. */
export function findBridgeTopicProblem(text: string): string | undefined {
  const [name, line] = splitName(text);
  const words = line === undefined ? [] : wordsOf(line);
  if (words === undefined) return "a quote is not closed";
  const [pattern, direction = "out", qos = "1", localPrefix = "", remotePrefix = "", ...more] = words;
  if (pattern === undefined) return "write NAME=PATTERN, such as plant=sensors/# out 1";
  if (!namePattern.test(name)) return `name "${name}" is not 1 to 64 of a-z A-Z 0-9 . _ -`;
  if (more.length > 0) return `"${more[0]}" is one word too many; topics with spaces belong into quotes`;
  if (!bridgeDirections.some((each) => each === direction))
    return `direction "${direction}" is not one of ${bridgeDirections.join(", ")}`;
  if (!/^[012]$/.test(qos)) return `QoS "${qos}" is not 0, 1 or 2`;
  for (const prefix of [localPrefix, remotePrefix]) {
    if (/[+#]/.test(prefix)) return `prefix "${prefix}" has a wildcard`;
    if (`${prefix}${pattern}/`.startsWith("$share/")) return "a shared subscription does not go over a bridge";
    const problem = findTopicFilterProblem(prefix + pattern);
    if (problem !== undefined) return prefix === "" ? problem : `with prefix "${prefix}" ${problem}`;
  }
  return undefined;
}

/** What is wrong between options that are each right. */
export function* findBridgeConflicts({ mqttBridge, mqttBridgeTopic }: BridgeOptionValues): Generator<{
  readonly option: keyof BridgeOptionValues;
  readonly problem: string;
}> {
  const names = mqttBridge.map((text) => splitName(text)[0]);
  const topicNames = mqttBridgeTopic.map((text) => splitName(text)[0]);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) yield { option: "mqttBridge", problem: `"${twice}" is given twice` };
  if (names.length > bridgesMax) yield { option: "mqttBridge", problem: `there are more than ${bridgesMax}` };
  const idle = names.find((name) => !topicNames.includes(name));
  if (idle !== undefined)
    yield { option: "mqttBridge", problem: `nothing goes over "${idle}"; say what, with --mqtt-bridge-topic` };
  const unknown = topicNames.find((name) => !names.includes(name));
  if (unknown !== undefined) yield { option: "mqttBridgeTopic", problem: `there is no --mqtt-bridge "${unknown}"` };
  const full = names.find((name) => topicNames.filter((each) => each === name).length > rulesMax);
  if (full !== undefined) yield { option: "mqttBridgeTopic", problem: `"${full}" has more than ${rulesMax}` };
}

/** For texts in which the functions above found nothing. `hostName`: this machine's, for client identifiers. */
export function bridgeConfigs(values: BridgeOptionValues, hostName: string): readonly BridgeConfig[] {
  return values.mqttBridge.map((text) => {
    const [name, address = ""] = splitName(text);
    const url = new URL(address);
    const given = url.searchParams;
    const tls = {
      ca: given.get("ca") ?? undefined,
      cert: given.get("cert") ?? undefined,
      key: given.get("key") ?? undefined,
    };
    const isTls = url.protocol === "mqtts:";
    return {
      name,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (isTls ? tlsPort : plainPort) : Number(url.port),
      tls: isTls ? tls : undefined,
      clientId: given.get("client-id") ?? `polylog-${hostName}-${name}`,
      userName: url.username === "" ? undefined : decodeURIComponent(url.username),
      password: url.password === "" ? undefined : decodeURIComponent(url.password),
      passwordFile: given.get("password-file") ?? undefined,
      version: (given.get("version") ?? "auto") as BridgeVersion,
      keepAliveSeconds: secondsOf(given.get("keep-alive") ?? keepAliveDefault),
      rules: values.mqttBridgeTopic.filter((each) => splitName(each)[0] === name).map(parseRule),
    };
  });
}

function parseRule(text: string): BridgeRule {
  const words = wordsOf(splitName(text)[1] ?? "") ?? [];
  const [pattern = "", direction = "out", qos = "1", localPrefix = "", remotePrefix = ""] = words;
  return {
    pattern,
    direction: direction as BridgeDirection,
    qos: Number(qos) as BridgeRule["qos"],
    localPrefix,
    remotePrefix,
  };
}

function splitName(text: string): readonly [name: string, rest: string | undefined] {
  const equals = text.indexOf("=");
  return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** NaN for what is not one. */
function secondsOf(text: string): number {
  const match = /^(\d{1,6})(s|m|h)$/.exec(text);
  if (match === null) return Number.NaN;
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as "s" | "m" | "h"];
}
