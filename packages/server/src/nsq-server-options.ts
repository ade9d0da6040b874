/** From options to what the NSQ server is made with. */

import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { NsqServerOptions, NsqTls } from "@polylog/nsq";
import { configErrors } from "./config/errors.ts";
import type { ServeOptions } from "./config/serve-options.ts";

type NsqSettings = Pick<
  NsqServerOptions,
  "limits" | "tls" | "authd" | "latency" | "statsd" | "snappy" | "deflate" | "topologyRegion" | "topologyZone"
>;

/** Reads the certificate files. Throws `config.TLS_FILE_UNREADABLE` and `config.TLS_FILES_INVALID`. */
export function nsqServerOptions(options: ServeOptions): NsqSettings {
  const tls = readTls(options);
  const addresses = options.nsqAuthHttpAddresses;
  const quantiles = options.nsqLatencyQuantiles.map(Number);
  return {
    limits: {
      msgSizeMax: options.nsqMsgSizeMax,
      bodySizeMax: options.nsqBodySizeMax,
      msgTimeoutMs: options.nsqMsgTimeoutMs,
      msgTimeoutMsMax: options.nsqMsgTimeoutMsMax,
      reqTimeoutMsMax: options.nsqReqTimeoutMsMax,
      rdyCountMax: options.nsqRdyCountMax,
      heartbeatIntervalMsMax: options.nsqHeartbeatIntervalMsMax,
      channelConsumersMax: options.nsqChannelConsumersMax,
      deflateLevelMax: options.nsqDeflateLevelMax,
    },
    ...(tls === undefined ? {} : { tls }),
    ...(addresses.length === 0 ? {} : { authd: { addresses, method: options.nsqAuthHttpMethod } }),
    ...(quantiles.length === 0 ? {} : { latency: { quantiles, windowMs: options.nsqLatencyWindowMs } }),
    ...(options.nsqStatsdAddress === undefined ? {} : { statsd: statsdOptions(options.nsqStatsdAddress, options) }),
    snappy: options.nsqSnappy,
    deflate: options.nsqDeflate,
    topologyRegion: options.nsqTopologyRegion,
    topologyZone: options.nsqTopologyZone,
  };
}

function statsdOptions(address: string, options: ServeOptions): NonNullable<NsqSettings["statsd"]> {
  const colon = address.lastIndexOf(":");
  return {
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    intervalMs: options.nsqStatsdIntervalMs,
    prefix: options.nsqStatsdPrefix,
    memory: options.nsqStatsdMemStats,
    packetSizeMax: options.nsqStatsdPacketSizeMax,
    excludeEphemeral: options.nsqStatsdExcludeEphemeral,
  };
}

function readTls(options: ServeOptions): NsqTls | undefined {
  const { nsqTlsCert, nsqTlsKey, nsqTlsCa, nsqTlsClientAuth: clientAuth, nsqTlsRequired: required } = options;
  if (nsqTlsCert === undefined || nsqTlsKey === undefined) return undefined;
  const files = [nsqTlsCert, nsqTlsKey, ...(nsqTlsCa === undefined ? [] : [nsqTlsCa])];
  const [cert, key, ca] = files.map(read);
  try {
    const context = createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }) });
    return { context: () => context, clientAuth, required };
  } catch (error) {
    throw configErrors.TLS_FILES_INVALID({ files: files.join(", "), reason: (error as Error).message }, error);
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw configErrors.TLS_FILE_UNREADABLE({ file, reason: (error as Error).message }, error);
  }
}
