/** `polylog nsqlookupd`, and the command `nsqlookupd`: nothing but an nsqlookupd, with its flags, defaults and log. It keeps no files. */

import { hostname } from "node:os";
import { systemClock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import type { GoFlagValues } from "@polylog/base/go-flags";
import { ServiceGroup } from "@polylog/base/lifecycle";
import { MetricRegistry } from "@polylog/base/telemetry";
import { type ListenAddress, TcpListener, TurnFlusher } from "@polylog/base/transport";
import { LookupdServer } from "@polylog/nsq";
import { configErrors } from "../config/errors.ts";
import { resolveServeOptions } from "../config/load-serve-options.ts";
import type { ServeOptions } from "../config/serve-options.ts";
import { HttpListener } from "../http/http-listener.ts";
import { lookupdAddress } from "../nsq-addresses.ts";
import { printListener, problemsOf, runNsqCommand } from "../nsq-flags/nsq-command.ts";
import type { NsqLog } from "../nsq-flags/nsq-log.ts";
import { nsqlookupdFlags } from "../nsq-flags/nsqlookupd-flags.ts";
import { untilStopSignal } from "../signals.ts";
import type { Environment } from "./command.ts";

type Values = GoFlagValues<ReturnType<typeof nsqlookupdFlags>>;

export function nsqlookupd(argv: readonly string[], environment: Environment): Promise<number> {
  return runNsqCommand("nsqlookupd", nsqlookupdFlags(hostname()), argv, environment, async (values, log, announce) => {
    const { group, tcp, http } = compose(readOptions(values), log);
    announce();
    const stopSignal = untilStopSignal(systemClock);
    await group.start().catch((error: unknown) => {
      throw isCodedError(error) ? refused(error.message, error) : error;
    });
    printListener(log, "TCP", tcp?.address);
    printListener(log, "HTTP", http?.address);
    await stopSignal;
    await group.stop();
  });
}

function refused(reason: string, cause: unknown): Error {
  return configErrors.NSQ_REFUSED({ reason: `failed to instantiate nsqlookupd - ${reason}` }, cause);
}

function readOptions(values: Values): ServeOptions {
  const written = {
    allowAnonymous: true,
    lookupdTcpListen: values["tcp-address"] === "" ? "off" : values["tcp-address"],
    lookupdHttpListen: values["http-address"] === "" ? "off" : values["http-address"],
    broadcastAddress: values["broadcast-address"],
    lookupdInactiveProducerTimeoutMs: values["inactive-producer-timeout"],
    lookupdTombstoneLifetimeMs: values["tombstone-lifetime"],
  };
  try {
    return resolveServeOptions({ name: "nsqlookupd", values: written, keys: "options" }, {}).options;
  } catch (error) {
    throw isCodedError(error) ? refused(nameFlags(problemsOf(error)), error) : error;
  }
}

/** Problems name options; whoever reads them gave flags. */
function nameFlags(text: string): string {
  return text
    .replace("nsqlookupd: lookupdTcpListen", "--tcp-address")
    .replace("nsqlookupd: lookupdHttpListen", "--http-address");
}

function compose(options: ServeOptions, log: NsqLog) {
  const clock = systemClock;
  const { connectionsMax, lookupdTcpListen, lookupdHttpListen } = options;
  const addressOf = (listener: { readonly address: ListenAddress } | undefined) => listener?.address;
  const server = new LookupdServer({
    clock,
    logger: log.logger(),
    metrics: new MetricRegistry(),
    flusher: new TurnFlusher(clock),
    address: () => lookupdAddress(options, addressOf(tcp), addressOf(http)),
    inactiveProducerTimeoutMs: options.lookupdInactiveProducerTimeoutMs,
    tombstoneLifetimeMs: options.lookupdTombstoneLifetimeMs,
  });
  const tcp =
    lookupdTcpListen === "off"
      ? undefined
      : new TcpListener({
          name: "TCP",
          ...lookupdTcpListen,
          connectionsMax,
          accept: (socket) => server.accept(socket),
        });
  const http =
    lookupdHttpListen === "off"
      ? undefined
      : new HttpListener({
          name: "HTTP",
          address: lookupdHttpListen,
          connectionsMax,
          clock,
          onRequest: server.handleRequest,
        });
  const members = [server, tcp, http].filter((member) => member !== undefined);
  return { group: new ServiceGroup("nsqlookupd", members, clock), tcp, http };
}
