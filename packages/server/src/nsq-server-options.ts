/** From options to what the NSQ server is made with. */

import type { NsqServerOptions, TlsClientAuth } from "@polylog/nsq";
import type { ServeOptions } from "./config/serve-options.ts";
import type { TlsFiles, TlsPaths } from "./tls/tls-files.ts";

type NsqSettings = Pick<
  NsqServerOptions,
  "limits" | "tls" | "authd" | "latency" | "statsd" | "snappy" | "deflate" | "topologyRegion" | "topologyZone"
>;

/** `tlsFiles`: of `nsqTlsPaths`; started before the first connection. */
export function nsqServerOptions(options: ServeOptions, tlsFiles: TlsFiles | undefined): NsqSettings {
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
      outputBufferSizeMax: options.nsqOutputBufferSizeMax,
      outputBufferTimeoutMs: options.nsqOutputBufferTimeoutMs,
      outputBufferTimeoutMsMin: options.nsqOutputBufferTimeoutMsMin,
      outputBufferTimeoutMsMax: options.nsqOutputBufferTimeoutMsMax,
      deflateLevelMax: options.nsqDeflateLevelMax,
    },
    ...(tlsFiles === undefined ? {} : { tls: tlsSettings(options, tlsFiles) }),
    ...(addresses.length === 0 ? {} : { authd: authdOptions(addresses, options) }),
    ...(quantiles.length === 0 ? {} : { latency: { quantiles, windowMs: options.nsqLatencyWindowMs } }),
    ...(options.nsqStatsdAddress === undefined ? {} : { statsd: statsdOptions(options.nsqStatsdAddress, options) }),
    snappy: options.nsqSnappy,
    deflate: options.nsqDeflate,
    topologyRegion: options.nsqTopologyRegion,
    topologyZone: options.nsqTopologyZone,
  };
}

function authdOptions(addresses: readonly string[], options: ServeOptions): NonNullable<NsqSettings["authd"]> {
  return {
    addresses,
    method: options.nsqAuthHttpMethod,
    connectTimeoutMs: options.nsqHttpClientConnectTimeoutMs,
    requestTimeoutMs: options.nsqHttpClientRequestTimeoutMs,
  };
}

function tlsSettings(options: ServeOptions, files: TlsFiles): NonNullable<NsqSettings["tls"]> {
  return { context: () => files.context, clientAuth: nsqTlsClientAuth(options), required: options.nsqTlsRequired };
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

/** Where NSQ's certificate is, if NSQ clients are granted TLS: what `--nsq-tls-*` leaves out, `--tls-*` says. */
export function nsqTlsPaths(options: ServeOptions): TlsPaths | undefined {
  const own = options.nsqTlsCert !== undefined;
  const cert = own ? options.nsqTlsCert : options.tlsCert;
  const key = own ? options.nsqTlsKey : options.tlsKey;
  if (cert === undefined || key === undefined) return undefined;
  const minVersion = options.nsqTlsMinVersion === "tls1.3" ? "TLSv1.3" : "TLSv1.2";
  return { cert, key, ca: options.nsqTlsCa ?? options.tlsCa, minVersion };
}

export function nsqTlsClientAuth(options: ServeOptions): TlsClientAuth {
  return options.nsqTlsClientAuth ?? options.tlsClientAuth;
}
