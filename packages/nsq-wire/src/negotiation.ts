/**
 * What an IDENTIFY comes to: the settings of the connection, and the upgrades it is granted. A connection may IDENTIFY
 * several times before SUB; what a later one leaves at 0 stays as it was.
 */

import type { Identify } from "./commands/identify.ts";
import type { IdentifyResponse } from "./commands/identify-response.ts";
import { nsqWireErrors } from "./errors.ts";
import type { ProtocolLimits } from "./limits.ts";

export interface ConnectionSettings {
  /** 0: no heartbeats, and no deadline for the client's next command. */
  readonly heartbeatIntervalMs: number;
  /** Bytes; 1 writes every frame through. */
  readonly outputBufferSize: number;
  /** 0: messages wait until the buffer is full or the client is not ready. */
  readonly outputBufferTimeoutMs: number;
  /** The client asked for one of the two. */
  readonly outputBuffered: boolean;
  /** 0 is off; else a message is kept when a random 0..99 is not above it. */
  readonly sampleRate: number;
  readonly msgTimeoutMs: number;
}

/** What the server can do and is, beyond `ProtocolLimits`. */
export interface ServerFeatures {
  readonly version: string;
  /** There is a certificate and a key. */
  readonly tls: boolean;
  readonly snappy: boolean;
  readonly deflate: boolean;
  readonly authRequired: boolean;
  readonly topologyRegion: string;
  readonly topologyZone: string;
}

const deflateLevelDefault = 6;

/** The settings of a connection that has not identified itself. */
export function initialSettings(limits: ProtocolLimits): ConnectionSettings {
  const { heartbeatIntervalMs, outputBufferSize, outputBufferTimeoutMs, msgTimeoutMs } = limits;
  return {
    heartbeatIntervalMs,
    outputBufferSize,
    outputBufferTimeoutMs,
    outputBuffered: false,
    sampleRate: 0,
    msgTimeoutMs,
  };
}

/** The settings after `identify`, whose values `decodeIdentify` has checked. */
export function negotiate(
  identify: Identify,
  limits: ProtocolLimits,
  current: ConnectionSettings = initialSettings(limits),
): ConnectionSettings {
  const unbuffered = identify.output_buffer_size === -1;
  const asksToBuffer = identify.output_buffer_size > 0 || identify.output_buffer_timeout !== 0;
  return {
    heartbeatIntervalMs: resolve(identify.heartbeat_interval, current.heartbeatIntervalMs),
    outputBufferSize: unbuffered ? 1 : identify.output_buffer_size || current.outputBufferSize,
    outputBufferTimeoutMs: unbuffered ? 0 : resolve(identify.output_buffer_timeout, current.outputBufferTimeoutMs),
    outputBuffered: !unbuffered && (asksToBuffer || current.outputBuffered),
    sampleRate: identify.sample_rate,
    msgTimeoutMs: identify.msg_timeout || current.msgTimeoutMs,
  };
}

/**
 * The reply to an IDENTIFY with feature_negotiation; its `tls_v1`, `snappy` and `deflate` say which upgrades follow.
 * Without feature_negotiation the reply is `OK` and nothing is upgraded. Throws IDENTIFY_BOTH_COMPRESSIONS.
 */
export function negotiatedResponse(
  identify: Identify,
  settings: ConnectionSettings,
  limits: ProtocolLimits,
  features: ServerFeatures,
): IdentifyResponse {
  const deflate = features.deflate && identify.deflate;
  const snappy = features.snappy && identify.snappy;
  if (deflate && snappy) throw nsqWireErrors.IDENTIFY_BOTH_COMPRESSIONS();
  const deflateLevel = deflate && identify.deflate_level > 0 ? identify.deflate_level : deflateLevelDefault;
  return {
    max_rdy_count: limits.rdyCountMax,
    version: features.version,
    max_msg_timeout: limits.msgTimeoutMaxMs,
    msg_timeout: settings.msgTimeoutMs,
    tls_v1: features.tls && identify.tls_v1,
    deflate,
    deflate_level: Math.min(deflateLevel, limits.deflateLevelMax),
    max_deflate_level: limits.deflateLevelMax,
    snappy,
    sample_rate: settings.sampleRate,
    auth_required: features.authRequired,
    output_buffer_size: settings.outputBufferSize,
    output_buffer_timeout: settings.outputBufferTimeoutMs,
    topology_region: features.topologyRegion,
    topology_zone: features.topologyZone,
  };
}

/** 0 keeps what is, -1 switches off. */
function resolve(asked: number, current: number): number {
  return asked === 0 ? current : asked === -1 ? 0 : asked;
}
