/**
 * JSON-RPC 2.0: the text of a message in, the text of its answer out. It knows no transport: WebSocket and POST hand it
 * texts and send what it answers.
 *
 * Requests are started in the order they came, those of a batch too, and run at the same time. A request is answered
 * exactly once, a notification (no `id`) never. What it refuses, and how, is in errors.ts; beyond the specification:
 * an id must come back as it was sent, so a number must be one that a double holds exactly, and a string is bounded.
 */

import type { Clock } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import type { Broker } from "@polylog/broker";
import * as v from "valibot";
import { type ErrorObject, errorObject, InvalidParams, type Problem, quote } from "./error-object.ts";
import { rpcErrors } from "./errors.ts";
import { batchAnswerLengthMax, idLengthMax, levelsMax, problemsTextMax, type RpcLimits, valuesMax } from "./limits.ts";
import { type Method, type MethodContext, ResultText } from "./methods/method.ts";
import { type MqttAdmin, noMqtt } from "./mqtt-admin.ts";
import { nearestMethod } from "./nearest-method.ts";
import type { Peer } from "./peer.ts";
import { type JsonText, joinTexts, textSize } from "./records/json-parts.ts";
import { structureFault } from "./text-structure.ts";

export interface DispatcherOptions {
  readonly methods: readonly Method[];
  readonly broker: Broker;
  readonly clock: Clock;
  /** Default: there is no MQTT. */
  readonly mqtt?: MqttAdmin | undefined;
  readonly limits: Pick<RpcLimits, "requestSizeMax" | "batchRequestsMax">;
  /** Each request and notification that names a method there is. */
  readonly onCall?: (method: string) => void;
  /** Each error, answered or not; `method` is empty when it was not known. */
  readonly onError?: (method: string, code: number, error: unknown) => void;
}

/** The answer to one message: one response, or those of a batch. */
export interface Reply {
  /** Its text. Call it once, when there is room for it: a large result is made only now, over several turns. Never rejects. */
  render(): JsonText | Promise<JsonText>;
  /** To be called when the text has been handed over. */
  onSent(): void;
}

type Id = string | number | null;
type Response = () => JsonText | Promise<JsonText>;

/** What the requests of one message have in common. */
interface Message {
  readonly textLength: number;
  readonly context: MethodContext;
  readonly afterAnswer: (() => void)[];
  /** Characters of the answer made so far. */
  answerLength: number;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #methods: ReadonlyMap<string, Method>;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#methods = new Map(options.methods.map((method) => [method.name, method]));
  }

  /** Starts what `text` asks for. Undefined when there is nothing to answer. Never throws or rejects. */
  dispatch(text: string, peer: Peer): Reply | undefined | Promise<Reply | undefined> {
    const { broker, clock, limits, mqtt = noMqtt } = this.#options;
    const afterAnswer: (() => void)[] = [];
    const context = { broker, clock, peer, mqtt, afterAnswer: (callback: () => void) => afterAnswer.push(callback) };
    const message: Message = { textLength: text.length, context, afterAnswer, answerLength: 0 };
    const excess = textFault(text, limits.requestSizeMax);
    if (excess !== undefined) return this.refuse(excess);
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (error) {
      return this.refuse(rpcErrors.PARSE_ERROR({ reason: quote((error as Error).message) }));
    }
    if (Array.isArray(parsed)) return this.#dispatchBatch(parsed, message);
    const response = this.#answer(parsed, message);
    if (response instanceof Promise) return response.then((each) => replyOf(each, message));
    return replyOf(response, message);
  }

  /** The answer to a message that is refused as a whole; its id is not known. */
  refuse(error: unknown): Reply {
    return { render: this.#failure(null, "", error), onSent: () => undefined };
  }

  #dispatchBatch(requests: readonly unknown[], message: Message): Reply | undefined | Promise<Reply | undefined> {
    const { batchRequestsMax: countMax } = this.#options.limits;
    const count = requests.length;
    if (count === 0) return this.refuse(rpcErrors.INVALID_REQUEST({ reason: "the batch is empty" }));
    if (count > countMax) return this.refuse(rpcErrors.BATCH_TOO_LARGE({ count, countMax }));
    const responses = requests.map((request) => this.#answer(request, message));
    return Promise.all(responses).then((settled) => {
      const present = settled.filter((each) => each !== undefined);
      return replyOf(present.length === 0 ? undefined : () => renderAll(present), message);
    });
  }

  #answer(request: unknown, message: Message): Response | undefined | Promise<Response | undefined> {
    const call = readCall(request);
    if (call.fault !== undefined)
      return this.#failure(call.id ?? null, "", rpcErrors.INVALID_REQUEST({ reason: call.fault }));
    const { id, name } = call;
    const method = this.#methods.get(name);
    const fail = (error: unknown): Response | undefined => {
      const failure = this.#failure(id ?? null, method === undefined ? "" : name, error);
      return id === undefined ? undefined : failure;
    };
    if (method === undefined) return fail(rpcErrors.METHOD_NOT_FOUND({ method: quote(name) }));
    this.#options.onCall?.(name);
    const { peer } = message.context;
    if (peer.ending.ended) return fail(rpcErrors.STOPPING());
    if (id === undefined) return this.#run(method, call.params, message, () => undefined, fail);
    if (peer.requestCount >= peer.requestsMax) return fail(rpcErrors.TOO_MANY_REQUESTS({ count: peer.requestCount }));
    peer.requestCount++;
    const settled = (response: Response | undefined): Response | undefined => {
      peer.requestCount--;
      return response;
    };
    return this.#run(
      method,
      call.params,
      message,
      (result) => settled(this.#success(id, name, result, message)),
      (error) => settled(fail(error)),
    );
  }

  /** Calls the method and exactly one of `succeed` and `fail`. */
  #run<Outcome>(
    method: Method,
    params: unknown,
    message: Message,
    succeed: (result: unknown) => Outcome,
    fail: (error: unknown) => Outcome,
  ): Outcome | Promise<Outcome> {
    let result: unknown;
    try {
      result = method.handle(message.context, checkParams(method, params, message.textLength <= problemsTextMax));
    } catch (error) {
      return fail(error);
    }
    return result instanceof Promise ? result.then(succeed, fail) : succeed(result);
  }

  #success(id: Id, method: string, result: unknown, message: Message): Response {
    const answer = (text: JsonText): JsonText => {
      message.answerLength += textSize(text);
      return joinTexts([`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`, text, "}"]);
    };
    if (!(result instanceof ResultText)) {
      return () => {
        try {
          return answer(JSON.stringify(result ?? null));
        } catch (error) {
          return this.#failure(id, method, error)();
        }
      };
    }
    return async () => {
      try {
        // Only reading is refused for its size: what changed something is answered with what it did.
        if (message.answerLength > batchAnswerLengthMax)
          throw rpcErrors.ANSWER_TOO_LARGE({ length: message.answerLength });
        return answer(await result.render());
      } catch (error) {
        return this.#failure(id, method, error)();
      } finally {
        result.release();
      }
    };
  }

  #failure(id: Id, method: string, error: unknown): Response {
    const object = this.#describe(error);
    this.#options.onError?.(method, object.code, error);
    return () => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(object)}}`;
  }

  #describe(error: unknown): ErrorObject {
    if (!isCodedError(error, "rpc.METHOD_NOT_FOUND")) return errorObject(error);
    const nearest = nearestMethod(String(error.details["method"]), this.#methods.keys());
    return errorObject(error, nearest === undefined ? {} : { nearest });
  }
}

/** One after the other, so that no more than one large result is being made. */
async function renderAll(responses: readonly Response[]): Promise<JsonText> {
  const texts: JsonText[] = [];
  for (const response of responses) texts.push(texts.length === 0 ? "[" : ",", await response());
  return joinTexts([...texts, "]"]);
}

/** Why a text is not even parsed. */
function textFault(text: string, sizeMax: number): PolylogError | undefined {
  if (text.length > sizeMax) return rpcErrors.REQUEST_TOO_LARGE({ sizeMax });
  const fault = structureFault(text, levelsMax, valuesMax);
  if (fault === "values") return rpcErrors.TOO_MANY_VALUES({ countMax: valuesMax });
  if (fault === "levels") return rpcErrors.INVALID_REQUEST({ reason: `it is more than ${levelsMax} levels deep` });
  return undefined;
}

type Call =
  | { readonly fault: string; readonly id?: Id }
  | { readonly fault?: undefined; readonly id: Id | undefined; readonly name: string; readonly params: unknown };

/** The parts of a request, or what is wrong with it. `id` undefined: a notification. */
function readCall(request: unknown): Call {
  if (typeof request !== "object" || request === null || Array.isArray(request))
    return { fault: "it is not an object" };
  const { jsonrpc, method, params } = request as { jsonrpc?: unknown; method?: unknown; params?: unknown };
  const id = Object.hasOwn(request, "id") ? (request as { id: unknown }).id : undefined;
  if (id !== undefined && !isId(id))
    return { fault: `id must be a number that a double holds exactly, a string of at most ${idLengthMax}, or null` };
  const known = id === undefined ? {} : { id };
  if (jsonrpc !== "2.0") return { ...known, fault: 'jsonrpc must be "2.0"' };
  if (typeof method !== "string") return { ...known, fault: "method must be a string" };
  if (params !== undefined && (typeof params !== "object" || params === null))
    return { ...known, fault: "params must be an object" };
  return { id, name: method, params };
}

function isId(id: unknown): id is Id {
  if (typeof id === "string") return id.length <= idLengthMax;
  if (typeof id === "number") return Number.isFinite(id) && (!Number.isInteger(id) || Number.isSafeInteger(id));
  return id === null;
}

/** Params as the schema has them. Throws `InvalidParams` with the first problem, or with all of them. */
function checkParams(method: Method, params: unknown, listAll: boolean): unknown {
  if (Array.isArray(params)) throw new InvalidParams([{ path: "", message: "Expected an object: params go by name" }]);
  const checked = v.safeParse(method.params, params ?? {}, { abortEarly: true });
  if (checked.success) return checked.output;
  const issues = (listAll ? v.safeParse(method.params, params ?? {}).issues : undefined) ?? checked.issues;
  throw new InvalidParams(issues.map(problemOf));
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  const path = (issue.path ?? []).map(({ key }) => (typeof key === "number" ? `[${key}]` : `.${quote(String(key))}`));
  return { path: path.join("").replace(/^\./, ""), message: quote(issue.message) };
}

function replyOf(response: Response | undefined, { afterAnswer }: Message): Reply | undefined {
  const onSent = (): void => {
    for (const callback of afterAnswer) callback();
  };
  if (response !== undefined) return { render: response, onSent };
  onSent();
  return undefined;
}
