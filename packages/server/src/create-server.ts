/**
 * A broker inside of a program:
 *
 *     const server = createServer({ dataDir: "./data", mqttListen: "127.0.0.1:1883" });
 *     await server.start();
 *
 * Options are those of `polylog serve` in camel case, with the same defaults and checks, written as in the config file:
 * `"64MiB"` or a number. What belongs to a command is the program's own: signals, logging, the ready file.
 */

import type { Service, StopOptions } from "@polylog/base/lifecycle";
import type { ListenOption } from "@polylog/base/options";
import { type LogFields, type Logger, silentLogger } from "@polylog/base/telemetry";
import type { ListenAddress } from "@polylog/base/transport";
import type { Publication } from "@polylog/broker";
import type { Access, AuthenticationResult, Authenticator, Credentials, MessageHooks } from "@polylog/broker/access";
import { resolveEmbeddedOptions } from "./config/load-serve-options.ts";
import type { ServeOptions } from "./config/serve-options.ts";
import { type Guards, PolylogServer } from "./polylog-server.ts";

/** Options of the command that mean nothing here. */
type CommandOption = "config" | "help" | "logLevel" | "logFormat" | "readyFile";

type Written<Value> = Value extends readonly string[]
  ? readonly string[]
  : Value extends number
    ? number | string
    : Value extends ListenOption
      ? Extract<Value, string> | `${string}:${number}`
      : Value;

type EmbeddedOptions = { readonly [Name in Exclude<keyof ServeOptions, CommandOption>]?: Written<ServeOptions[Name]> };

export interface CreateServerOptions extends EmbeddedOptions {
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /**
   * Who a peer is; in place of the users file's passwords. With it, listeners may bind beyond loopback. One that throws or
   * rejects refuses the peer, and is logged.
   */
  readonly authenticate?: (credentials: Credentials) => AuthenticationResult | Promise<AuthenticationResult>;
  /**
   * Whether a principal may do something; in place of the users file's permissions. The answer is true or false, at once:
   * anything else, a promise too, and an exception are a no, and are logged.
   */
  readonly authorize?: Access["allows"];
  /**
   * Asked for each message of an MQTT client, wills too, once `authorize` has agreed and before it is appended or delivered:
   * `publication.route.topic`, and the payload in `publication.payload[payloadStart, payloadEnd)`. What it is given is the
   * server's own: copy what you keep, change nothing. False, as for `authorize`: the client is told that the message
   * was taken, and it goes nowhere. What is published by NSQ or JSON-RPC does not come here.
   */
  readonly onPublish?: NonNullable<MessageHooks["onPublish"]>;
  /** Asked for each topic filter an MQTT client subscribes to, without `$share` and its name. False, as for `authorize`: it is refused. */
  readonly onSubscribe?: NonNullable<MessageHooks["onSubscribe"]>;
}

export interface EmbeddedServer extends Service {
  /**
   * Addresses of the listeners that are on: `mqtt`, `mqttTls`, `nsqTcp`, `nsqHttp`, `nsqHttps`, `lookupdTcp`, `lookupdHttp`, `http`,
   * `httpTls`. Valid once started.
   */
  readonly listeners: Readonly<Record<string, ListenAddress>>;
  /** Rejects with coded errors when it cannot start; nothing is left running then. */
  start(): Promise<void>;
  /** Finishes what is in flight, within `drainTimeoutMs` unless `options` says otherwise. May be called again. */
  stop(options?: StopOptions): Promise<void>;
  /** Reads the users file and the certificates again. Rejects with coded errors, and goes on with what it had. */
  reload(): Promise<void>;
}

/** Throws `options.USAGE` with everything that is wrong with the options. */
export function createServer(options: CreateServerOptions = {}): EmbeddedServer {
  const { logger = silentLogger, authenticate, authorize, onPublish, onSubscribe, ...given } = options;
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const file = { name: "createServer", values: defined, keys: "options" } as const;
  const { values, captures } = resolveEmbeddedOptions(file, authenticate !== undefined);
  const guards: Guards = {
    ...(authenticate === undefined ? {} : { authenticator: guardedAuthenticator(authenticate, logger) }),
    ...(authorize === undefined ? {} : { access: guardedAccess(authorize, logger) }),
    ...(onPublish === undefined && onSubscribe === undefined ? {} : { hooks: guardedHooks(options, logger) }),
  };
  return new PolylogServer(values, captures, logger, guards);
}

function guardedAuthenticator(authenticate: Authenticator["authenticate"], logger: Logger): Authenticator {
  const fail = (error: unknown): AuthenticationResult => {
    logger.child("server").error("the authenticate hook failed; the peer is refused", { error });
    return { refused: "credentials" };
  };
  return {
    authenticate: (credentials) => {
      try {
        const result = authenticate(credentials);
        return result instanceof Promise ? result.catch(fail) : result;
      } catch (error) {
        return fail(error);
      }
    },
  };
}

function guardedAccess(authorize: Access["allows"], logger: Logger): Access {
  const fieldsOf = (_principal: unknown, action: string, resource: string) => ({ action, resource });
  return { allows: guarded("authorize", authorize, logger, fieldsOf) };
}

function guardedHooks({ onPublish, onSubscribe }: MessageHooks, logger: Logger): MessageHooks {
  const topicOf = ({ route }: Publication) => ({ topic: route.topic });
  return {
    ...(onPublish === undefined ? {} : { onPublish: guarded("onPublish", onPublish, logger, topicOf) }),
    ...(onSubscribe === undefined
      ? {}
      : { onSubscribe: guarded("onSubscribe", onSubscribe, logger, (filter) => ({ filter })) }),
  };
}

/** Asked for every message, so the arguments are not spread: no hook takes more than three. `fieldsOf`: for the log. */
function guarded<A, B, C>(
  name: string,
  hook: (first: A, second: B, third: C) => boolean,
  logger: Logger,
  fieldsOf: (first: A, second: B, third: C) => LogFields,
): (first: A, second: B, third?: C) => boolean {
  return (first, second, given) => {
    const third = given as C; // Left out only where the hook takes two.
    try {
      const answer: unknown = hook(first, second, third);
      if (typeof answer === "boolean") return answer;
      if (answer instanceof Promise) answer.catch(() => undefined);
      throw new TypeError("it must return true or false, and at once");
    } catch (error) {
      logger
        .child("server")
        .error(`the ${name} hook failed; the answer is no`, { ...fieldsOf(first, second, third), error });
      return false;
    }
  };
}
