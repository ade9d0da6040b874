/** What a method is: one row. A new method is a file with one more row, and one more line in index.ts. */

import type { Clock } from "@polylog/base/clock";
import { type AccessAction, type Broker, brokerErrors } from "@polylog/broker";
import type * as v from "valibot";
import type { MqttAdmin } from "../mqtt-admin.ts";
import type { Peer } from "../peer.ts";
import type { JsonText } from "../records/json-parts.ts";

export interface MethodContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly peer: Peer;
  readonly mqtt: MqttAdmin;
  /** Calls back once the answer has been handed over: for what must not overtake it. */
  afterAnswer(callback: () => void): void;
}

export interface Method<Schema extends v.GenericSchema = v.GenericSchema> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Params are an object, by name. */
  readonly params: Schema;
  /** The result's shape, for the reference page. */
  readonly result: string;
  /**
   * Returns the result, a promise of it, or `ResultText`. Throws coded errors. What has an order (appending) happens
   * before it returns; requests that came later are handled while a promise is open.
   */
  handle(context: MethodContext, params: v.InferOutput<Schema>): unknown;
}

/** A result that is JSON text already, made when there is room to send it; a long one over several turns. */
export class ResultText {
  readonly render: () => JsonText | Promise<JsonText>;
  /** Called once, after `render` or instead of it. */
  readonly release: () => void;

  constructor(render: ResultText["render"], release: () => void) {
    this.render = render;
    this.release = release;
  }
}

/** Ties `handle`'s params to the schema. */
export function defineMethod<Schema extends v.GenericSchema>(method: Method<Schema>): Method {
  return method;
}

/** What `manage` is asked for where it is about MQTT's clients; no log has this name. */
export const mqttResource = "$mqtt";

/** Throws NOT_AUTHORIZED. */
export function requireAccess(context: MethodContext, action: AccessAction, resource: string): void {
  if (!context.broker.access.allows(context.peer.principal, action, resource))
    throw brokerErrors.NOT_AUTHORIZED({ action, resource });
}
