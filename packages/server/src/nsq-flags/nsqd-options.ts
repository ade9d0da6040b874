/**
 * nsqd's flags as options of the server: what they say, NSQ's listeners and no others, and everybody let in, as nsqd does.
 *
 * Options that no flag of nsqd sets may come from the environment, as for `polylog serve`: POLYLOG_DURABILITY, or
 * POLYLOG_HTTP_LISTEN for /metrics. Variables of the others are not looked at.
 */

import { join, resolve } from "node:path";
import { isCodedError } from "@polylog/base/errors";
import type { GoFlagValues } from "@polylog/base/go-flags";
import { configErrors } from "../config/errors.ts";
import { environmentPrefix, resolveServeOptions, type ServeRequest } from "../config/load-serve-options.ts";
import { type ServeOptions, serveOptions } from "../config/serve-options.ts";
import { problemsOf } from "./nsq-command.ts";
import type { NsqFlagRow } from "./nsq-flag.ts";
import { type nsqdFlags, tlsRequirementOf } from "./nsqd-flags.ts";

export type NsqdFlags = ReturnType<typeof nsqdFlags>;
export type NsqdValues = GoFlagValues<NsqdFlags>;
type Environment = Readonly<Record<string, string | undefined>>;
type Written = Partial<Record<keyof ServeOptions, unknown>>;

/** Of nsqd nothing else listens, and nobody is asked who he is. */
const others: Written = {
  mqttListen: "off",
  lookupdTcpListen: "off",
  lookupdHttpListen: "off",
  httpListen: "off",
};

/** Throws `config.NSQ_REFUSED`, in nsqd's words where it has some. */
export function nsqdServeOptions(
  table: NsqdFlags,
  values: NsqdValues,
  env: Environment,
): Extract<ServeRequest, { readonly request: "serve" }> {
  checkAsNsqd(values);
  const mapped = { ...sameValues(table, values), ...ownValues(values) };
  const guarded = (env[`${environmentPrefix}USERS_FILE`] ?? "") !== "";
  const written = { ...others, allowAnonymous: !guarded, ...mapped };
  const isSet = (name: string) => Object.hasOwn(mapped, name);
  const names = Object.entries(serveOptions).filter(([name]) => isSet(name));
  const hidden = new Set(names.map(([, { flag }]) => environmentPrefix + flag.replaceAll("-", "_").toUpperCase()));
  const left = Object.fromEntries(Object.entries(env).filter(([name]) => !hidden.has(name)));
  try {
    return resolveServeOptions({ name: "nsqd", values: defined(written), keys: "options" }, left);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw configErrors.NSQ_REFUSED({ reason: instead(nameFlags(problemsOf(error), table)) }, error);
  }
}

const instead = (reason: string) => `failed to instantiate nsqd - ${reason}`;
const refused = (reason: string) => configErrors.NSQ_REFUSED({ reason: instead(reason) });

/** What nsqd checks of its options, in its order and words. */
function checkAsNsqd(values: NsqdValues): void {
  if (values["max-deflate-level"] < 1 || values["max-deflate-level"] > 9)
    throw refused("--max-deflate-level must be [1,9]");
  if (values["node-id"] < 0 || values["node-id"] >= 1024) throw refused("--node-id must be [0,1024)");
  if (!["get", "post"].includes(values["auth-http-request-method"]))
    throw refused("--auth-http-request-method must be post or get");
  const hasTls = values["tls-cert"] !== "" && values["tls-key"] !== "";
  if (!hasTls && (values["tls-cert"] !== "" || values["tls-key"] !== ""))
    throw refused("failed to build TLS config - --tls-cert and --tls-key need each other");
  if (!hasTls && tlsRequired(values) !== "false")
    throw refused("cannot require TLS client connections without TLS key and cert");
  for (const quantile of quantiles(values)) {
    if (Number.isNaN(Number(quantile)) || quantile === "")
      throw configErrors.NSQ_REFUSED({ reason: `Could not parse: ${quantile}` });
    if (Number(quantile) <= 0 || Number(quantile) > 1)
      throw refused(`invalid E2E processing latency percentile: ${quantile}`);
  }
}

/** Of the flags whose value is the option's. */
function sameValues(table: NsqdFlags, values: NsqdValues): Written {
  const written: Record<string, unknown> = {};
  for (const [name, { means }] of Object.entries(table) as [keyof NsqdFlags, NsqFlagRow][])
    if (means !== "command" && means !== "nothing") written[means] = values[name];
  return written;
}

/** Of those that have to be read first. */
function ownValues(values: NsqdValues): Written {
  const hasTls = values["tls-cert"] !== "" && values["tls-key"] !== "";
  const policies: Readonly<Record<string, string>> = { require: "any", "require-verify": "require" };
  return {
    dataDir: join(values["data-path"] === "" ? "." : values["data-path"], "polylog-data"),
    nsqTcpListen: listenOption(values["tcp-address"]),
    nsqHttpListen: listenOption(values["http-address"]),
    nsqHttpsListen: hasTls ? listenOption(values["https-address"]) : "off",
    nsqAuthHttpMethod: values["auth-http-request-method"],
    nsqMsgTimeoutMsMax: Math.max(values["max-msg-timeout"], values["msg-timeout"]),
    nsqStatsdAddress: textOrNone(values["statsd-address"]),
    nsqLatencyQuantiles: quantiles(values),
    nsqTlsCert: hasTls ? values["tls-cert"] : undefined,
    nsqTlsKey: hasTls ? values["tls-key"] : undefined,
    nsqTlsCa: textOrNone(values["tls-root-ca-file"]),
    nsqTlsClientAuth: policies[values["tls-client-auth-policy"]] ?? "none",
    nsqTlsRequired: tlsRequired(values),
    nsqTlsMinVersion: values["tls-min-version"].toLowerCase() === "tls1.3" ? "tls1.3" : "tls1.2",
  };
}

/** A policy for certificates makes TLS required. */
function tlsRequired(values: NsqdValues): "true" | "false" | "tcp-https" {
  const required = tlsRequirementOf(values["tls-required"]) ?? "false";
  return required === "false" && values["tls-client-auth-policy"] !== "" ? "true" : required;
}

function quantiles(values: NsqdValues): string[] {
  return values["e2e-processing-latency-percentile"].flatMap((text) => text.split(",")).map((text) => text.trim());
}

/** What is no host and port is the path of a Unix socket. */
function listenOption(address: string): string {
  if (address === "") return "off";
  return address.includes(":") && !address.includes("/") ? address : resolve(address);
}

function textOrNone(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function defined(written: Written): Record<string, unknown> {
  return Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined));
}

/** Problems name options; whoever reads them gave flags. */
function nameFlags(message: string, table: NsqdFlags): string {
  const flags = Object.entries(table).map(([flag, { means }]): [string, string] => [means, flag]);
  const all: readonly [string, string][] = [...flags, ...flagsRead];
  return all.reduce((text, [option, flag]) => text.replaceAll(`nsqd: ${option}:`, `--${flag}:`), message);
}

const flagsRead: readonly [keyof ServeOptions, string][] = [
  ["nsqTcpListen", "tcp-address"],
  ["nsqHttpListen", "http-address"],
  ["nsqHttpsListen", "https-address"],
  ["nsqMsgTimeoutMsMax", "max-msg-timeout"],
  ["nsqStatsdAddress", "statsd-address"],
  ["nsqTlsClientAuth", "tls-client-auth-policy"],
];
