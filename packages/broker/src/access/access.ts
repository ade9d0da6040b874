/**
 * Who may do what, decided in one place. Protocol servers ask before they act and answer a refusal as their protocol
 * says. Without users (`users.ts`) everybody may do everything.
 */

export type AccessAction = "connect" | "publish" | "subscribe" | "produce" | "consume" | "manage";

/** Who asks. `undefined` names an anonymous peer. */
export interface Principal {
  readonly name: string | undefined;
  /** Of MQTT, for permissions that depend on it. */
  readonly clientId?: string;
}

export interface Access {
  /** `resource`: the topic, filter, log, channel or producer's id it is about; empty for `connect`. */
  allows(principal: Principal, action: AccessAction, resource: string): boolean;
}

export const anonymous: Principal = { name: undefined };

export const allowAll: Access = { allows: () => true };
